// SPDX-License-Identifier: Apache-2.0
// What doctor finds about the socket and the way to it.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>

#include "base/text/number.h"
#include "cli/doctor/diagnosis.h"

namespace monodon::cli {
namespace {

using Found = std::optional<Finding>;

constexpr std::uint64_t kSlowMs = 1000;

const PathStep* last(const Evidence& e) {
  return e.live && !e.steps.empty() ? &e.steps.back() : nullptr;
}

// One of another user is not found by its control socket, and may serve all the same.
Found server_silent(const Evidence& e) {
  if (e.silent.empty()) return {};
  if (e.probe && e.probe->error == 0) {
    return Finding{e.silent + ", but somebody serves where it would listen",
                   "monodon doctor as the user of the server sees more", Weight::note};
  }
  return Finding{e.silent,
                 "start it, or look at its socket alone: monodon doctor --socket PATH"};
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
        keeps_failing(e.service) ? "see service-failed"
        : e.socket_name.empty()
            ? restart_command(e)
            : fmt::format("{}; if it does not stay, see runtime-directory-shared",
                          restart_command(e))};
  }
  return {};
}

Found not_a_socket(const Evidence& e) {
  const PathStep* const file = last(e);
  if (file == nullptr || !file->exists || file->is_socket) return {};
  return Finding{fmt::format("{} is there, but is no socket", file->path),
                 fmt::format("rm {} && {}", file->path, restart_command(e))};
}

// Under its path something may listen that the file no longer leads to: a program has
// bound the path again, and is gone.
Found socket_left_over(const Evidence& e) {
  const PathStep* const file = last(e);
  if (file == nullptr || !file->is_socket) return {};
  const bool refused = e.probe && e.probe->error == ECONNREFUSED;
  if (e.listeners != 0 && !refused) return {};
  return Finding{
      fmt::format("{} is a leftover: {}, and nginx answers 502, \"Connection refused\"",
                  file->path,
                  e.listeners == 0 ? "nobody listens there"
                                   : "another program has bound the path over what "
                                     "systemd holds, and has ended"),
      keeps_failing(e.service) ? "see service-failed" : restart_command(e)};
}

Found socket_bound_twice(const Evidence& e) {
  if (e.listeners < 2) return {};
  return Finding{
      fmt::format(
          "{} sockets listen under {}: a second program has bound the path over "
          "the first, and what systemd holds is reached by nobody",
          e.listeners, e.listen),
      fmt::format("end the other (ss -xlp src {}), then {}", e.listen,
                  restart_command(e))};
}

std::string give_to(const Evidence& e) {
  if (e.socket_name.empty())
    return fmt::format("set socket_user, socket_group ({}) and socket_mode (0660)",
                       e.nginx.name);
  return fmt::format(
      "in [Socket] of {0}: SocketUser={1}, SocketGroup={1}, SocketMode=0660; then "
      "systemctl daemon-reload && {2}",
      e.socket_name, e.nginx.name, restart_command(e));
}

unsigned mode_of(const std::string& octal) {
  unsigned mode = 0;
  std::from_chars(octal.data(), octal.data() + octal.size(), mode, 8);
  return mode;
}

// What a tree of files says: units make the socket as they are written.
Found closed_by_unit(const Evidence& e) {
  if (!is_loaded(e.socket) || e.nginx.name.empty() || e.nginx.name == "root") return {};
  const std::string directory = property(e.socket, "DirectoryMode");
  if (!directory.empty() && (mode_of(directory) & 01) == 0) {
    return Finding{fmt::format("DirectoryMode={} in {}: {} may not enter the directory "
                               "of the socket",
                               directory, e.socket_name, e.nginx.name),
                   fmt::format("in [Socket] of {}: DirectoryMode=0755", e.socket_name)};
  }
  const std::string user = property(e.socket, "SocketUser");
  const std::string group = property(e.socket, "SocketGroup");
  const std::string written = property(e.socket, "SocketMode");
  const unsigned mode = written.empty() ? 0666 : mode_of(written);
  // A group's members are not in the tree for certain: only its name is compared.
  const bool owner = user == e.nginx.name;
  const bool member = group == e.nginx.name || (group.empty() && owner);
  const bool strange_group = !group.empty() && group != "root" && group != user;
  if ((owner && (mode & 0200) != 0) || (mode & 02) != 0) return {};
  if (!owner && (mode & 020) != 0 && (member || strange_group)) return {};
  return Finding{
      fmt::format("{} gives the socket to {}:{} with mode {:04o}: {} may not "
                  "connect, and nginx answers 502, \"Permission denied\"",
                  e.socket_name, user.empty() ? "root" : user,
                  group.empty() ? "its group" : group, mode, e.nginx.name),
      give_to(e)};
}

Found nginx_cannot_connect(const Evidence& e) {
  if (!e.live) return closed_by_unit(e);
  const bool asked_by_nobody =
      e.run_by == RunBy::user &&
      std::none_of(e.routes.begin(), e.routes.end(),
                   [&](const NginxRoute& route) { return route.socket == e.listen; });
  if (!e.nginx.exists || asked_by_nobody) return {};
  const PathStep* const step = closed_to(e.nginx, e.steps);
  if (step == nullptr) return {};
  const std::string is =
      fmt::format("{} ({}, {:04o})", step->path, step->owner, step->mode);
  if (!step->is_socket) {
    std::string remedy = "chmod a+x " + step->path;
    if (!e.socket_name.empty())
      remedy += fmt::format("; where systemd makes it: RuntimeDirectoryMode=0755 in {}",
                            e.socket_name);
    return Finding{fmt::format("{} may not enter {}: nginx answers 502, \"Permission "
                               "denied\"",
                               e.nginx.name, is),
                   remedy};
  }
  return Finding{
      fmt::format("{} may not connect to {}: nginx answers 502, \"Permission denied\"",
                  e.nginx.name, is),
      give_to(e)};
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
  if (!e.probe || e.probe->error == 0) return {};
  const bool refused = e.probe->error == ECONNREFUSED;
  if (refused && !e.tcp_listen.empty()) {
    return Finding{fmt::format("nobody listens at {}", e.tcp_listen),
                   "start the server; its log says why it does not run"};
  }
  if (refused || e.probe->error == ENOENT) return {};
  const std::string& place = e.listen.empty() ? e.tcp_listen : e.listen;
  const bool hangs = e.probe->error == ETIMEDOUT || e.probe->error == EAGAIN;
  return Finding{
      hangs ? fmt::format("{} took the connection, and no answer came for {}", place,
                          format_duration_ms(e.probe->milliseconds))
            : fmt::format("asking {} failed: {}", place,
                          std::generic_category().message(e.probe->error)),
      fmt::format(
          "monodon status shows what the workers do, monodon trace where they are; "
          "the log: {}",
          place_of_log(e))};
}

Found answers_with_error(const Evidence& e) {
  if (!e.probe || e.probe->status < 500) return {};
  return Finding{fmt::format("the site answers {} to GET /", e.probe->status),
                 fmt::format("the traceback is in the log: {}", place_of_log(e))};
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

constexpr Check kSocketChecks[] = {
    {"server-silent", Weight::error, "a server that answers commands", server_silent},
    {"socket-missing", Weight::error, "the socket file", socket_missing, Kind::effect},
    {"not-a-socket", Weight::error, "a socket under its path", not_a_socket},
    {"socket-left-over", Weight::error, "somebody who listens", socket_left_over,
     Kind::effect},
    {"socket-bound-twice", Weight::error, "one owner of the path", socket_bound_twice},
    {"nginx-cannot-connect", Weight::error, "nginx's way to the socket",
     nginx_cannot_connect},
    {"open-to-all", Weight::warning, "who else may connect", open_to_all},
    {"no-answer", Weight::error, "an answer", no_answer, Kind::effect},
    {"answers-with-error", Weight::error, "a good answer", answers_with_error,
     Kind::effect},
    {"another-server", Weight::error, "who answers", somebody_else},
    {"answers-slowly", Weight::warning, "a quick answer", answers_slowly},
};

}  // namespace

std::span<const Check> socket_checks() {
  return kSocketChecks;
}

}  // namespace monodon::cli
