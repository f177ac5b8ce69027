// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "worker/wire/settings.h"

namespace monodon::master {

// The checked configuration of one generation: file, then environment, then command
// line, merged. Durations are milliseconds, sizes are bytes. Every field has one row
// in the table of settings (master/config/table.h), which owns its name, default,
// range, documentation and what a reload does to it.
struct Settings {
  worker::Settings worker;  // what zygote and workers get to know

  // Listeners; ignored (with a note) where systemd passes sockets.
  std::vector<std::string>
      bind;                      // "unix:/path", "unix:@name", "host:port", "[v6]:port"
  std::uint32_t backlog = 2048;  // only for sockets that we bind
  std::int32_t socket_mode = -1;  // octal mode of a Unix socket; -1: by umask
  std::string socket_user;
  std::string socket_group;

  // Metrics
  std::string metrics_bind;                 // one address as of `bind`, or "off"
  std::vector<std::string> metrics_hosts;   // that its clients may ask for, in Host
  std::vector<std::string> metrics_labels;  // "name=value", of every sample
  std::string dashboard = "auto";           // auto | full | brief
  std::uint32_t ready_workers = 1;
  bool ready_when_saturated = true;
  std::string agent_bind;  // host:port, or "off"
  bool agent_drain_refused = false;

  // Supervision
  std::uint32_t workers = 1;
  std::uint64_t stop_delay = 0;
  std::uint64_t boot_timeout = 60'000;
  std::uint32_t max_surge = 1;
  std::uint32_t max_unavailable = 0;
  std::uint64_t health_check_timeout = 10'000;
  std::uint32_t rehearse = 3;  // requests; 0: off
  std::uint64_t rehearse_timeout = 5'000;
  std::uint64_t observe = 3'000;      // after a reload; 0: not at all
  std::uint64_t fallback = 300'000;   // after that; 0: not at all
  std::uint64_t restart_pause = 100;  // first back-off of a slot
  std::uint64_t restart_pause_longest = 30'000;

  // Development
  std::vector<std::string> reload_extra_files;
  std::string reload_engine = "auto";  // auto | inotify | poll

  // The process
  std::string python;  // interpreter as asked for; "" = search
  std::string user;
  std::string group;
  std::int32_t umask = -1;
  std::string pid_file;
  std::string runtime_directory;  // of the control socket; "" = master/control_place.h
};

}  // namespace monodon::master
