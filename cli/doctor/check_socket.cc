// SPDX-License-Identifier: Apache-2.0
// What doctor finds about the socket and the way to it.
#include <fmt/format.h>

#include <cerrno>
#include <system_error>

#include "base/number.h"
#include "cli/doctor/diagnosis.h"

namespace monodon::cli {
namespace {

using Found = std::optional<Finding>;

constexpr std::uint64_t kSlowMs = 1000;

const PathStep* last(const Evidence& e) {
  return e.live && !e.steps.empty() ? &e.steps.back() : nullptr;
}

Found socket_missing(const Evidence& e) {
  const PathStep* const file = last(e);
  if (file == nullptr || file->exists) return {};
  // The first that is not there says more than the last.
  for (const PathStep& step : e.steps) {
    if (step.exists) continue;
    return Finding{
        fmt::format("{} is not there: nginx answers 502, \"No such file or directory\"",
                    step.path),
        e.socket_name.empty()
            ? fmt::format("systemctl start {}", e.service_name)
            : fmt::format("systemctl restart {}; if it does not stay, see "
                          "runtime-directory-shared",
                          e.socket_name)};
  }
  return {};
}

Found not_a_socket(const Evidence& e) {
  const PathStep* const file = last(e);
  if (file == nullptr || !file->exists || file->is_socket) return {};
  return Finding{fmt::format("{} is there, but is no socket", file->path),
                 fmt::format("rm {} && systemctl restart {}", file->path,
                             e.socket_name.empty() ? e.service_name : e.socket_name)};
}

Found socket_left_over(const Evidence& e) {
  const PathStep* const file = last(e);
  if (file == nullptr || !file->is_socket || e.listeners != 0) return {};
  return Finding{
      fmt::format("{} is a leftover: nobody listens there, and nginx answers 502, "
                  "\"Connection refused\"",
                  file->path),
      fmt::format("systemctl restart {}",
                  e.socket_name.empty() ? e.service_name : e.socket_name)};
}

Found socket_bound_twice(const Evidence& e) {
  if (e.listeners < 2) return {};
  return Finding{
      fmt::format(
          "{} sockets listen under {}: a second program has bound the path over "
          "the first, and what systemd holds is reached by nobody",
          e.listeners, e.listen),
      fmt::format("end the other (ss -xlp src {}), then systemctl restart {} {}",
                  e.listen, e.socket_name, e.service_name)};
}

Found nginx_cannot_connect(const Evidence& e) {
  if (!e.live || !e.nginx.exists) return {};
  const PathStep* const step = closed_to(e.nginx, e.steps);
  if (step == nullptr) return {};
  const std::string is =
      fmt::format("{} ({}, {:04o})", step->path, step->owner, step->mode);
  if (!step->is_socket) {
    return Finding{fmt::format("{} may not enter {}: nginx answers 502, \"Permission "
                               "denied\"",
                               e.nginx.name, is),
                   fmt::format("chmod o+x {}; where systemd makes it: "
                               "RuntimeDirectoryMode=0755 in {}",
                               step->path, e.socket_name)};
  }
  return Finding{
      fmt::format("{} may not connect to {}: nginx answers 502, \"Permission denied\"",
                  e.nginx.name, is),
      e.socket_name.empty()
          ? fmt::format("set socket_user, socket_group ({}) and socket_mode (0660)",
                        e.nginx.name)
          : fmt::format("in [Socket] of {0}: SocketUser={1}, SocketGroup={1}, "
                        "SocketMode=0660; then systemctl daemon-reload && systemctl "
                        "restart {0}",
                        e.socket_name, e.nginx.name)};
}

Found open_to_all(const Evidence& e) {
  const PathStep* const file = last(e);
  if (file == nullptr || !file->is_socket || (file->mode & 02) == 0) return {};
  return Finding{
      fmt::format("every user of this machine may connect to {} ({:04o}), and "
                  "is believed like a proxy",
                  file->path, file->mode),
      e.socket_name.empty()
          ? "set socket_mode to 0660"
          : fmt::format("in [Socket] of {}: SocketMode=0660", e.socket_name)};
}

// A socket that is not there, or that nobody listens on, is told by its own check.
Found no_answer(const Evidence& e) {
  if (!e.probe || e.probe->error == 0 || e.probe->error == ENOENT ||
      e.probe->error == ECONNREFUSED) {
    return {};
  }
  const bool hangs = e.probe->error == ETIMEDOUT || e.probe->error == EAGAIN;
  return Finding{
      hangs ? fmt::format("{} took the connection, and no answer came for {}", e.listen,
                          format_duration_ms(e.probe->milliseconds))
            : fmt::format("asking {} failed: {}", e.listen,
                          std::generic_category().message(e.probe->error)),
      fmt::format(
          "monodon status shows what the workers do, monodon trace where they are; "
          "journalctl -u {}",
          e.service_name)};
}

Found answers_with_error(const Evidence& e) {
  if (!e.probe || e.probe->status < 500) return {};
  return Finding{
      fmt::format("the site answers {} to GET /", e.probe->status),
      fmt::format("the log has the traceback: error_log, or journalctl -u {}",
                  e.service_name)};
}

Found answers_slowly(const Evidence& e) {
  if (!e.probe || e.probe->error != 0 || e.probe->milliseconds < kSlowMs) return {};
  // Our own request has started it, and waited for that.
  if (property(e.service, "ActiveState") == "inactive") return {};
  return Finding{
      fmt::format("the site took {} to answer GET /",
                  format_duration_ms(e.probe->milliseconds)),
      "set slow_request to see where such requests are; monodon status shows "
      "whether all workers are busy"};
}

Found somebody_else(const Evidence& e) {
  if (!e.probe || e.probe->status == 0 || !e.settings) return {};
  const std::string& ours = e.settings->worker.server_header;
  if (e.probe->server == ours || e.probe->server.empty()) return {};
  return Finding{fmt::format("\"{}\" answers on {}, not this server (\"{}\")",
                             e.probe->server, e.listen, ours),
                 fmt::format("ss -xlp src {} shows whose it is", e.listen)};
}

constexpr Check kChecks[] = {
    {"socket-missing", Weight::error, "the socket file", socket_missing},
    {"not-a-socket", Weight::error, "a socket under its path", not_a_socket},
    {"socket-left-over", Weight::error, "somebody who listens", socket_left_over},
    {"socket-bound-twice", Weight::error, "one owner of the path", socket_bound_twice},
    {"nginx-cannot-connect", Weight::error, "nginx's way to the socket",
     nginx_cannot_connect},
    {"open-to-all", Weight::warning, "who else may connect", open_to_all},
    {"no-answer", Weight::error, "an answer", no_answer},
    {"answers-with-error", Weight::error, "a good answer", answers_with_error},
    {"another-server", Weight::error, "who answers", somebody_else},
    {"answers-slowly", Weight::warning, "a quick answer", answers_slowly},
};

}  // namespace

std::span<const Check> socket_checks() {
  return kChecks;
}

}  // namespace monodon::cli
