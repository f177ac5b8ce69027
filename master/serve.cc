// SPDX-License-Identifier: Apache-2.0
// The start of a master: listeners, store, user, server.
#include "master/serve.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include "base/log/log.h"
#include "base/process/process_title.h"
#include "base/version.h"
#include "master/control_place.h"
#include "master/failed_start.h"
#include "master/handover/inherited.h"
#include "master/server.h"
#include "master/system/control_socket.h"
#include "master/system/identity.h"
#include "master/system/linux_kernel.h"
#include "master/system/listeners.h"
#include "master/system/notify.h"
#include "worker/access/open_logs.h"

namespace monodon::master {

namespace {

// Sockets of systemd's that are not for requests.
struct NamedListeners {
  std::optional<Listener> metrics, control;
  bool bind_ignored = false;  // since systemd passed the sockets
};

Result<std::vector<Listener>> open_listeners(const Settings& settings,
                                             const FileRights& rights,
                                             NamedListeners& named, Heirlooms& found) {
  auto inherited = inherit_listeners(found);
  if (!inherited) return inherited.error();
  named.metrics = take_listener(inherited.value(), "metrics");
  named.control = take_listener(inherited.value(), "control");
  if (!inherited.value().empty()) {
    named.bind_ignored = !settings.bind.empty() && !found.testament;
    return inherited;
  }
  std::vector<Listener> listeners;
  const auto either = [](const std::string& first, const std::string& second) {
    return first.empty() ? second : first;
  };
  const BindOptions options{
      settings.backlog > 0 ? static_cast<int>(settings.backlog) : 1,
      settings.socket_mode, either(settings.socket_user, settings.user),
      either(settings.socket_group, settings.group), rights};
  for (const std::string& address : settings.bind) {
    auto listener = bind_listener(address, options);
    if (!listener) {
      remove_socket_files(listeners, rights);
      return listener.error();
    }
    listeners.push_back(std::move(listener).value());
  }
  if (listeners.empty()) return Error{"nothing to listen on: set bind"};
  return listeners;
}

// A program that follows another goes on without: its workers serve.
Result<ControlServer> open_control(const Settings& settings,
                                   std::optional<Listener> passed, bool follows) {
  auto control = open_own_control(settings);
  if (!control) {
    if (!follows) return control;
    log::warning(control.error().message(), {log::Id::resources_short});
    control = ControlServer{};
  }
  if (passed) control.value().add(std::move(*passed));
  return control;
}

// One that counts on where that of the master before stopped, or a new one. In any case
// what is stored is not it any more.
Result<scoreboard::Board> open_board(Heirlooms& found) {
  if (found.board) {
    found.alien.emplace_back(kBoard);
    auto board = scoreboard::Board::adopt(std::move(found.board), found.last_pages);
    if (board) return board;
    log::warning("counters restart at 0: " + board.error().message(),
                 {log::Id::configuration_warning});
  }
  return scoreboard::Board::make();
}

// What the program before us left, and which socket files of ours it had made.
Result<Testament> read_testament(int memfd, std::vector<Listener>& listeners) {
  std::string text;
  std::array<char, 4096> block{};
  for (off_t at = 0;;) {
    const ssize_t got = ::pread(memfd, block.data(), block.size(), at);
    if (got < 0) return last_error("read what the master before left");
    if (got == 0) break;
    text.append(block.data(), static_cast<std::size_t>(got));
    at += got;
  }
  auto testament = testament_from_json(text);
  if (!testament) return testament;
  for (const Testament::SocketFile& file : testament.value().socket_files)
    for (Listener& listener : listeners)
      if (listener.info.address == "unix:" + file.path) {
        listener.own_path = file.path;
        listener.device = file.device;
        listener.inode = file.inode;
      }
  return testament;
}

Outcome open_logs(const worker::Settings& settings, const Owner& owner,
                  const FileRights& rights) {
  for (const auto* path : {&settings.error_log, &settings.access_log})
    if (auto given = give_log_file(*path, owner, rights); !given) return given;
  const ActingAs acting = rights.for_path(settings.error_log);
  return worker::open_logs(settings);
}

int complain(std::string_view why) {
  log::critical(why, {log::Id::server_failed});
  tell_failed_start(why);
  (void)send_to_systemd("STATUS=" + failed_start_text(why));
  return 1;
}

int complain(const Error& error) {
  return complain(error.message());
}

void say_hello(bool bind_ignored, const std::vector<Listener>& listeners, bool stored,
               bool starts) {
  if (starts)
    log::info(fmt::format("monodon {} starts", MONODON_VERSION),
              {log::Id::server_started});
  if (bind_ignored)
    log::info("ignoring bind: systemd passed the sockets",
              {log::Id::configuration_note});
  for (const Listener& listener : listeners)
    log::info("listening at " + link_to(listener.info), {log::Id::server_listening});
  if (stored)
    log::info("systemd keeps idle connections and counters across a restart",
              {log::Id::server_started});
}

int serve_with(const LoadedConfig& config) {
  const Settings& settings = config.settings;
  // RLIMIT_FSIZE is told by errno like a full disk; it is no reason to die.
  (void)::signal(SIGXFSZ, SIG_IGN);
  if (settings.umask >= 0) (void)::umask(static_cast<mode_t>(settings.umask));

  // Privileged things first, then the user changes for good.
  const auto owner = find_owner(settings.user, settings.group);
  if (!owner) return complain(owner.error());
  const FileRights rights = rights_of(owner.value());
  if (auto opened = open_logs(settings.worker, owner.value(), rights); !opened)
    return complain(opened.error());
  if (auto able = check_kernel(); !able) return complain(able.error());
  if (auto made = make_given_directory(settings, rights, owner.value()); !made)
    return complain(made.error());
  auto pid_file = PidFile::make(settings.pid_file, rights);
  if (!pid_file) return complain(pid_file.error());
  NamedListeners named;
  Heirlooms found;
  auto listeners = open_listeners(settings, rights, named, found);
  if (!listeners) return complain(listeners.error());
  const auto give_up = [&](const Error& error) {
    remove_socket_files(listeners.value(), rights);
    return complain(error);
  };
  auto keeper = LogKeeper::start(
      {settings.worker.error_log, settings.worker.access_log}, owner.value(), rights);
  if (!keeper) return give_up(keeper.error());
  if (auto changed = become(owner.value()); !changed) return give_up(changed.error());
  if (::geteuid() == 0 && !settings.worker.development)
    log::warning(
        "the application runs as root; set user, or User= in the unit of systemd",
        {log::Id::configuration_warning});
  become_master();

  auto board = open_board(found);
  if (!board) return give_up(board.error());
  auto control = open_control(settings, std::move(named.control),
                              static_cast<bool>(found.testament));
  if (!control) return give_up(control.error());
  auto handoff = open_handoff(found);
  if (!handoff) return give_up(handoff.error());
  const bool stored = store(handoff.value(), board.value().reader_fd(), found);

  const std::string name =
      settings.worker.name.empty() ? settings.worker.application : settings.worker.name;
  worker::set_title(fmt::format("monodon: master [{}]", name));
  say_hello(named.bind_ignored, listeners.value(), stored, !found.testament);

  Server server{config, std::move(board).value(),
                Estate{handoff.value().send.get(), handoff.value().receive.get(),
                       &listeners.value(), stored},
                std::move(control).value(), std::move(named.metrics)};
  server.use(found.log_keeper ? LogKeeper{std::move(found.log_keeper)}
                              : std::move(keeper).value());
  if (found.testament) {
    auto testament = read_testament(found.testament.get(), listeners.value());
    if (!testament) return give_up(testament.error());
    server.resume(testament.value());
  }
  const int status = server.run();
  remove_socket_files(listeners.value());
  return status;
}

}  // namespace

int serve(const LoadedConfig& config) {
  try {
    return serve_with(config);
  } catch (const std::exception& e) {
    // Only set-up throws: nothing serves yet.
    return complain(e.what());
  }
}

}  // namespace monodon::master
