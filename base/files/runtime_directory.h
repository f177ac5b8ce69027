// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace monodon {

// Where a server that was given no runtime directory keeps its control socket, and
// where commands of the same user look for it. In this order:
//
//   $XDG_RUNTIME_DIR/monodon-NAME   if that directory is the user's alone
//   /run/user/UID/monodon-NAME      the same directory, for who has no such variable
//   /tmp/monodon-UID/NAME           ($TMPDIR)
//   ~/.cache/monodon/NAME           ($XDG_CACHE_HOME)
//
// Each is a directory of mode 0700 that belongs to the user, and no symbolic link:
// anything else that stands there is not used, since its owner could answer in our
// place. A second server of the same name has ".2" behind it.

// The directories for a server of that name, number 1 or higher, the best first.
[[nodiscard]] std::vector<std::string> runtime_directories(std::string_view name,
                                                           unsigned number = 1);

// Makes one of them, and the one above it where that is ours. An Error: it cannot be
// made, or what is there is not the user's alone.
Outcome make_runtime_directory(const std::string& directory);

// Every control.sock in directories of this user's that somebody answers on.
[[nodiscard]] std::vector<std::string> answering_control_sockets();

// For root: the same in directories of other users, each of which is one user's alone.
[[nodiscard]] std::vector<std::string> answering_control_sockets_of_others();

// Whether a process listens on the socket file, as far as the kernel tells us.
[[nodiscard]] bool is_answered(const std::string& socket_path);

}  // namespace monodon
