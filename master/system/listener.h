// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "worker/wire/boot.h"

namespace monodon::master {

// One listening socket. Non-blocking and CLOEXEC.
struct Listener {
  UniqueFd fd;
  worker::ListenerInfo info;
  std::string own_path;  // a socket file that we made: ours to remove
  dev_t device = 0;      // of that file
  ino_t inode = 0;
};

// Its address, in a form that a terminal or a browser can follow if there is one.
std::string link_to(const worker::ListenerInfo& listener);

// Checks and describes `fd`, which is already a listening socket.
Result<Listener> describe_listener(UniqueFd fd, std::string name);

}  // namespace monodon::master
