// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/files/file_rights.h"
#include "base/result.h"
#include "master/config/settings.h"
#include "master/system/control_socket.h"
#include "master/system/identity.h"

namespace monodon::master {

// Where the control socket of a starting master is: in runtime_directory, in
// $RUNTIME_DIRECTORY (systemd.exec(5)), or in a private directory of the user's
// (base/files/runtime_directory.h).

// Makes runtime_directory, if one was given and is not there, for who will use it.
// While the process still has the rights that it was started with.
Outcome make_given_directory(const Settings& settings, const FileRights& rights,
                             const Owner& owner);

// The socket, once the process is who it stays. A directory that was asked for and
// cannot be used is an Error; without one, a machine where nothing can be written has
// no control socket, which is told in the log.
Result<ControlServer> open_own_control(const Settings& settings);

}  // namespace monodon::master
