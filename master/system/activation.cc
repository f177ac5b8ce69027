// SPDX-License-Identifier: Apache-2.0
// What systemd tells a service in its environment: sockets and watchdog.
#include "master/system/activation.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <limits>
#include <optional>
#include <string_view>

#include "base/text/number.h"

namespace monodon::master {

namespace {

constexpr int kFirst = 3;  // SD_LISTEN_FDS_START

std::optional<std::string> variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>{value};
}

bool is_own_pid(const std::string& text) {
  return parse_number(text) == static_cast<std::uint64_t>(::getpid());
}

// Separated by colons, which a name cannot have (systemd.socket(5)).
std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t colon = text.find(':');
    parts.emplace_back(text.substr(0, colon));
    if (colon == std::string_view::npos) return parts;
    text.remove_prefix(colon + 1);
  }
}

}  // namespace

Result<std::vector<Passed>> take_activation() {
  const auto pid = variable("LISTEN_PID");
  const auto fds = variable("LISTEN_FDS");
  const auto listed = variable("LISTEN_FDNAMES");
  for (const char* name :
       {"LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES"})
    (void)::unsetenv(name);
  if (!pid || !fds || !is_own_pid(*pid)) return std::vector<Passed>{};
  const auto count = parse_number(*fds, std::numeric_limits<int>::max() - kFirst);
  if (!count)
    return Error{"take the sockets that systemd passed: LISTEN_FDS is \"" + *fds + '"'};
  std::vector<std::string> names(*count, "unknown");
  if (listed && *count != 0) names = split(*listed);
  if (names.size() != *count)
    return Error{"take the sockets that systemd passed: LISTEN_FDNAMES names " +
                 std::to_string(names.size()) + " of " + *fds};
  std::vector<Passed> passed;
  for (std::string& name : names) {
    const int fd = kFirst + static_cast<int>(passed.size());
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
      return last_error("take the socket that systemd passed as " + std::to_string(fd));
    passed.push_back({fd, std::move(name)});
  }
  return passed;
}

Clock::duration watchdog_period() {
  const auto pid = variable("WATCHDOG_PID");
  const auto text = variable("WATCHDOG_USEC");
  if (!text || (pid && !is_own_pid(*pid))) return {};
  constexpr auto kLongest =
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::duration::max());
  const auto usec = parse_number(*text, static_cast<std::uint64_t>(kLongest.count()));
  return std::chrono::microseconds{static_cast<std::int64_t>(usec.value_or(0))};
}

}  // namespace monodon::master
