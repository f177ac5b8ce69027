// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "worker/wire/settings.h"

namespace monodon::worker {

// One listening socket, as the application must see it (SERVER_NAME, SERVER_PORT).
struct ListenerInfo {
  std::string name;     // LISTEN_FDNAMES' name, or "http"
  std::string address;  // "unix:/run/x.sock", "127.0.0.1:8000", "[::1]:8000", "unix:@x"
  bool unix_socket = false;
  std::string host;  // TCP only
  std::uint16_t port = 0;
};

// Hooks of a gunicorn.conf.py that Gunicorn calls once in its arbiter, which lives as
// long as the server; on_reload once for each reload. Bits.
enum OnceHook : std::uint32_t {
  kOnStarting = 1,
  kOnReload = 2,
  kWhenReady = 4,
};

// Text of the boot message. Both sides are of one build, so the JSON needs no
// version; a key that is missing or of the wrong type is an Error that names it.
struct Boot {
  Settings settings;
  std::vector<ListenerInfo> listeners;
  std::uint32_t generation = 1;
  // What waits in the handoff pair outlives the last worker and the master: systemd's
  // file descriptor store has both ends.
  bool stored = false;
  // Another generation serves already: this one is refused when a part of it is broken
  // that the application would import at its first requests. Where there is nothing
  // better, that is told, and the site starts.
  bool reload = false;
  // What an import of this generation has left that a fork breaks, for people: each
  // worker imports by itself. Empty: that is not known.
  std::vector<std::string> shared_state;
  // Modules that workers of generations before imported after the fork, and that could
  // be imported before it, in their order; a "!" before those of the application's own.
  std::vector<std::string> learned;
  // A gunicorn.conf.py, or "python:module", that the zygote runs first and whose hooks
  // are called; "" for none.
  std::string gunicorn_conf;
  // What its hooks see as Gunicorn's settings, as JSON; "" without such a file, and
  // without flags that configure the application's logging as such a file can.
  std::string gunicorn_settings;
  // How many workers the generation before had, for its hooks; 0: there was none.
  std::uint32_t workers_before = 0;
  // Of OnceHook: what this zygote has to call. What they left in a zygote (variables,
  // threads, sockets) ends with it, so the next one calls them again: those of which
  // something runs (a thread that listens, say) not before the other one has ended.
  std::uint32_t hooks_due = kOnStarting | kWhenReady;
  std::uint32_t hooks_later = 0;    // once no other process has them
  std::uint32_t hooks_left = 0;     // have left something in the present process
  std::uint32_t hooks_running = 0;  // something of them runs there
  // sys.argv of the application: as with Gunicorn, the program and its arguments.
  std::vector<std::string> argv;
};

// The zygote imports the application, and its workers share that by fork.
[[nodiscard]] bool preloads(const Boot& boot);
// ... whatever the import has left: somebody has said so, or handles it in hooks.
[[nodiscard]] bool forks_anyway(const Boot& boot);

// Workers tell what they import after the fork.
[[nodiscard]] bool learns(const Boot& boot);

// What the hooks of a gunicorn.conf.py are told, as JSON.
[[nodiscard]] std::string facts_for_hooks(const Boot& boot);

std::string to_json(const Boot& boot);
Result<Boot> boot_from_json(std::string_view json);

}  // namespace monodon::worker
