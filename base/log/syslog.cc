// SPDX-License-Identifier: Apache-2.0
// A client of syslog that never waits for the daemon.
#include "base/log/syslog.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/clock.h"
#include "base/text/escape.h"

namespace monodon {
namespace {

constexpr std::string_view kUnix = "unix://";
constexpr std::string_view kUdp = "udp://";
constexpr std::string_view kTcp = "tcp://";
constexpr std::uint16_t kPort = 514;
constexpr std::size_t kMostWaiting = 256UL * 1024;
constexpr std::uint64_t kPauseNs = 1'000'000'000;

constexpr std::array<std::pair<std::string_view, int>, 21> kFacilities{{
    {"auth", 4},    {"authpriv", 10}, {"cron", 9},    {"daemon", 3},  {"ftp", 11},
    {"kern", 0},    {"lpr", 6},       {"mail", 2},    {"news", 7},    {"security", 4},
    {"syslog", 5},  {"user", 1},      {"uucp", 8},    {"local0", 16}, {"local1", 17},
    {"local2", 18}, {"local3", 19},   {"local4", 20}, {"local5", 21}, {"local6", 22},
    {"local7", 23},
}};

std::optional<int> facility_of(std::string_view name) {
  std::string lower{name};
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  });
  const auto* const found =
      std::ranges::find(kFacilities, lower, &std::pair<std::string_view, int>::first);
  if (found == kFacilities.end()) return std::nullopt;
  return found->second;
}

// "unix:///dev/log#dgram" without its end, and what that says.
std::string_view path_of(std::string_view address, std::string_view& type) {
  address.remove_prefix(kUnix.size());
  const std::size_t hash = std::min(address.find('#'), address.size());
  type = address.substr(std::min(hash + 1, address.size()));
  return address.substr(0, hash);
}

}  // namespace

std::string Syslog::wrong_facility(std::string_view facility) {
  return facility_of(facility) ? "" : "is no facility of syslog, like user or local0";
}

std::string Syslog::wrong_address(std::string_view address) {
  if (address.starts_with(kUnix)) {
    std::string_view type;
    const std::string_view path = path_of(address, type);
    const bool good = type.empty() || type == "dgram" || type == "stream";
    return path.starts_with('/') && good ? ""
                                         : "is not unix:///path, #dgram or #stream";
  }
  const bool host = address.starts_with(kUdp) || address.starts_with(kTcp);
  if (host && parse_host_port(address.substr(kUdp.size()), kPort)) return {};
  return "is not unix:///path, udp://host:port or tcp://host:port";
}

Result<Syslog> Syslog::open(const Options& options) {
  const std::string_view address = options.address;
  if (const std::string wrong = wrong_address(address); !wrong.empty())
    return Error{"syslog_addr: \"" + options.address + "\" " + wrong, 0};
  const auto facility = facility_of(options.facility);
  if (!facility)
    return Error{"syslog_facility: " + wrong_facility(options.facility), 0};
  Syslog log;
  log.facility_ = *facility;
  log.tag_ = options.tag;
  log.type_ = SOCK_DGRAM;
  std::optional<Result<SocketAddress>> found;
  if (address.starts_with(kUnix)) {
    std::string_view type;
    found = address_of_path(std::string{path_of(address, type)});
    if (type == "stream") log.type_ = SOCK_STREAM;
    log.either_ = type.empty();
  } else {
    if (address.starts_with(kTcp)) log.type_ = SOCK_STREAM;
    found =
        find_address(*parse_host_port(address.substr(kUdp.size()), kPort), log.type_);
  }
  if (!*found) return Error{"syslog_addr: " + found->error().message(), 0};
  log.address_ = found->value();
  return log;
}

bool Syslog::connect() {
  const std::uint64_t now = monotonic_ns();
  if (now < next_try_ns_) return false;
  next_try_ns_ = now + kPauseNs;
  waiting_.clear();
  owner_ = ::getpid();
  const auto attempt = [this](int type) {
    socket_.reset(
        ::socket(address_->storage.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_) return false;
    if (::connect(socket_.get(), address_->data(), address_->size) == 0) return true;
    if (errno == EINPROGRESS) return true;
    const bool other = errno == EPROTOTYPE;
    socket_.reset();
    if (other && either_) type_ = type == SOCK_DGRAM ? SOCK_STREAM : SOCK_DGRAM;
    return false;
  };
  return attempt(type_) || (either_ && attempt(type_));
}

// Of a stream: what has waited. False: the connection is gone.
bool Syslog::push() {
  while (!waiting_.empty()) {
    const ssize_t sent =
        ::send(socket_.get(), waiting_.data(), waiting_.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR || errno == ENOTCONN;
    waiting_.erase(0, static_cast<std::size_t>(sent));
  }
  return true;
}

bool Syslog::transmit(std::string_view message) {
  if (type_ == SOCK_STREAM) {
    if (waiting_.size() + message.size() <= kMostWaiting) waiting_ += message;
    return push();
  }
  return ::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL) >= 0 ||
         errno == EAGAIN || errno == ENOBUFS || errno == EMSGSIZE;
}

void Syslog::send(Severity severity, std::string_view text) {
  if (!address_) return;
  std::string message = "<" +
                        std::to_string(facility_ * 8 + static_cast<int>(severity)) +
                        ">" + tag_ + ": [" + std::to_string(::getpid()) + "] ";
  append_printable(message, text);
  message.push_back('\0');
  // One that was made before a fork is the parent's: two writers would mix their lines.
  if (socket_ && owner_ != ::getpid()) {
    socket_.reset();
    next_try_ns_ = 0;
  }
  // A datagram that nobody received is told of with the next one.
  for (int tries = 0; tries < 2; ++tries) {
    if (!socket_ && !connect()) return;
    if (transmit(message)) return;
    socket_.reset();
    if (tries == 0) next_try_ns_ = 0;
  }
}

}  // namespace monodon
