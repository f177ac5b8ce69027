// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/live/control_client.h"

namespace monodon::cli {

// A server of this machine, as it introduced itself. Rumours, all of it but `path`:
// escape before printing.
struct LiveSite {
  std::string path;    // of its control socket
  std::string name;    // "shop"; "" where it does not answer us
  std::string likely;  // then: what its directory is called
  std::string application;
  std::string directory;
  std::string config;
  std::int64_t pid = 0;                // of the master; 0: not known
  std::vector<std::string> addresses;  // that it listens on
  std::uint32_t uid = 0;               // whom the process belongs to
  std::string why;                     // no answer: why
  Answer answer;                       // to {"op":"status"}
};

// Control sockets of servers, in directories that nobody else can have made: below
// /run, below $XDG_RUNTIME_DIR, and where servers without a runtime directory have
// theirs (base/files/runtime_directory.h). `others`: also those of other users, for
// root.
[[nodiscard]] std::vector<std::string> control_sockets(bool others);

// Asks all of them at the same time, a second at most.
[[nodiscard]] std::vector<LiveSite> introduce(const std::vector<std::string>& paths);

// Whether somebody who types `word` means this one: its name, its unit, its
// application, the pid of its master, an address or a port that it listens on.
[[nodiscard]] bool is_called(const LiveSite& site, std::string_view word);

}  // namespace monodon::cli
