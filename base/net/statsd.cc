// SPDX-License-Identifier: Apache-2.0
// Metrics to a statsd server, as Gunicorn sends them.
#include "base/net/statsd.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <utility>

#include "base/net/net_address.h"
#include "base/unique_fd.h"

namespace monodon::statsd {
namespace {

constexpr std::string_view kUnix = "unix://";
constexpr std::uint16_t kUsualPort = 8125;

struct Client {
  UniqueFd socket;
  std::string prefix;
  std::string tags;  // with its "|#"
};

// Never destroyed: threads may count until the process is gone. Only open() changes it,
// while the process has one thread.
Client& client() {
  static Client& the_client = *new Client;
  return the_client;
}

void send(std::string_view text) noexcept {
  (void)::send(client().socket.get(), text.data(), text.size(),
               MSG_DONTWAIT | MSG_NOSIGNAL);
}

// As Gunicorn writes a prefix: with one dot at its end.
std::string with_dot(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '.') prefix.pop_back();
  return prefix.empty() ? prefix : prefix + ".";
}

}  // namespace

std::string what_is_wrong(std::string_view host) {
  if (host.empty()) return {};
  if (host.starts_with(kUnix))
    return host.size() > kUnix.size() ? "" : "names no socket";
  return parse_host_port(host, kUsualPort)
             ? ""
             : "is not host:port or unix:///path/to/socket";
}

Outcome open(const Options& options) {
  if (options.host.empty()) {
    client() = {};
    return ok();
  }
  const bool local = options.host.starts_with(kUnix);
  const auto where = parse_host_port(options.host, kUsualPort);
  if (!local && !where) return Error{"statsd_host: " + what_is_wrong(options.host), 0};
  const auto address = local ? address_of_path(options.host.substr(kUnix.size()))
                             : find_address(*where, SOCK_DGRAM);
  if (!address) return Error{"statsd_host: " + address.error().message(), 0};
  UniqueFd socket{
      ::socket(address.value().storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!socket ||
      ::connect(socket.get(), address.value().data(), address.value().size) != 0)
    return last_error("statsd_host: connect to " + options.host);
  client() = {std::move(socket), with_dot(options.prefix),
              options.tags.empty() ? "" : "|#" + options.tags};
  return ok();
}

bool enabled() noexcept {
  return static_cast<bool>(client().socket);
}

namespace {

// A name or a tag that makes it longer than this is cut off by its owner's mistake.
using Text = std::array<char, 1400>;

template <typename... Args>
void send_formatted(const char* format, Args... args) noexcept {
  if (!enabled()) return;
  Text text;
  const int size = std::snprintf(text.data(), text.size(), format, args...);
  if (size > 0 && static_cast<std::size_t>(size) < text.size())
    send({text.data(), static_cast<std::size_t>(size)});
}

thread_local bool uncounted = false;

}  // namespace

Uncounted::Uncounted() noexcept {
  uncounted = true;
}

Uncounted::~Uncounted() {
  uncounted = false;
}

void count_line(std::string_view level) noexcept {
  if (uncounted || !enabled()) return;
  increment("gunicorn.log." + std::string{level});
}

void increment(std::string_view name) noexcept {
  const Client& c = client();
  send_formatted("%s%.*s:1|c|@1.0%s", c.prefix.c_str(), static_cast<int>(name.size()),
                 name.data(), c.tags.c_str());
}

void gauge(std::string_view name, std::uint64_t value) noexcept {
  const Client& c = client();
  send_formatted("%s%.*s:%llu|g%s", c.prefix.c_str(), static_cast<int>(name.size()),
                 name.data(), static_cast<unsigned long long>(value), c.tags.c_str());
}

void metric(const std::string& text) noexcept {
  const Client& c = client();
  send_formatted("%s%s%s", c.prefix.c_str(), text.c_str(), c.tags.c_str());
}

// Each in its own datagram: Gunicorn's receivers see one metric at a time.
void request(int status, std::uint64_t duration_us) noexcept {
  const Client& c = client();
  send_formatted("%sgunicorn.request.duration:%llu.%03llu|ms%s", c.prefix.c_str(),
                 static_cast<unsigned long long>(duration_us / 1000),
                 static_cast<unsigned long long>(duration_us % 1000), c.tags.c_str());
  increment("gunicorn.requests");
  send_formatted("%sgunicorn.request.status.%d:1|c|@1.0%s", c.prefix.c_str(), status,
                 c.tags.c_str());
}

}  // namespace monodon::statsd
