// SPDX-License-Identifier: Apache-2.0
// The settings of a server for who writes the application.
#include "cli/dev/dev_settings.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "base/unique_fd.h"

namespace monodon::cli {
namespace {

// master/config/load.cc knows it.
constexpr const char* kOrigin = "monodon dev";

constexpr std::array<std::pair<const char*, const char*>, 32> kSettings{{
    {"workers", "1"},
    {"threads", "4"},
    {"preload", "false"},
    {"warm_up", ""},
    {"pre_fork", ""},
    {"health_check", ""},
    // No request that nobody made: it would meet each breakpoint, and import twice.
    {"rehearse", "0"},
    // A breakpoint may stand for as long as it likes, but not in the way of an edit.
    {"request_timeout", "0"},
    {"slow_request", "0"},
    {"boot_timeout", "1h"},
    {"graceful_timeout", "1s"},
    {"max_requests", "0"},
    {"max_requests_jitter", "0"},
    {"max_lifetime", "0"},
    {"max_memory", "0"},
    {"reload", "true"},
    {"development", "true"},
    {"observe", "0"},
    {"fallback", "0"},
    {"access_log", "-"},
    {"access_log_format", "terminal"},
    {"error_log", "-"},
    {"error_log_format", "terminal"},
    {"log_level", "info"},
    {"metrics_bind", "127.0.0.1:0"},
    // Of a service, not of somebody who tries what he writes.
    {"user", ""},
    {"group", ""},
    {"pid_file", ""},
    {"runtime_directory", ""},
    {"socket_mode", ""},
    {"socket_user", ""},
    {"socket_group", ""},
}};

bool is_free(std::uint16_t port) {
  const UniqueFd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const int on = 1;
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address),
                sizeof address) == 0 &&
         ::listen(socket.get(), 1) == 0;
}

}  // namespace

std::vector<master::Override> dev_settings() {
  std::vector<master::Override> all;
  for (const auto& [key, value] : kSettings) all.push_back({key, {value}, kOrigin});
  return all;
}

bool is_set(const master::CommandLine& line, const std::string& key) {
  const auto has = [&](const std::vector<master::Override>& overrides) {
    return std::ranges::any_of(overrides,
                               [&](const auto& given) { return given.key == key; });
  };
  return has(line.environment) || has(line.arguments);
}

void put_below(master::CommandLine& line, std::vector<master::Override> settings) {
  line.arguments.insert(line.arguments.begin(),
                        std::make_move_iterator(settings.begin()),
                        std::make_move_iterator(settings.end()));
}

void keep_port_at_home(master::CommandLine& line) {
  const std::string everywhere = "0.0.0.0:";
  for (master::Override& given : line.arguments)
    if (given.key == "bind")
      for (std::string& address : given.values)
        if (address.starts_with(':')) address.insert(0, "127.0.0.1");
  for (std::size_t i = 0; i < line.environment.size(); ++i) {
    master::Override given = line.environment[i];
    if (given.origin != "PORT" || !given.values.back().starts_with(everywhere))
      continue;
    line.environment.erase(line.environment.begin() + static_cast<std::ptrdiff_t>(i));
    given.values = {"127.0.0.1:" + given.values.back().substr(everywhere.size())};
    // Over a file's address, and under what else was said.
    if (!is_set(line, given.key)) put_below(line, {given});
    return;
  }
}

std::uint16_t free_port(std::uint16_t first) {
  for (int i = 0; i < kPorts; ++i)
    if (const auto port = static_cast<std::uint16_t>(first + i); is_free(port))
      return port;
  return 0;
}

}  // namespace monodon::cli
