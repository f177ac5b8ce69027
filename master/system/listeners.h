// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "master/handover/fd_store.h"
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

struct BindOptions {
  int backlog = 2048;
  int mode = -1;      // of a Unix socket; -1: by umask
  std::string user;   // owner of a Unix socket; name or number, "": stays
  std::string group;  // the same; "" with a user: that user's own
};

// Where a `bind` setting leads, taken apart. Pure.
struct BindAddress {
  enum class Family : std::uint8_t { path, abstract, tcp, descriptor };
  Family family = Family::path;
  std::string path;  // or the abstract name, without "@"
  std::string host;
  std::uint16_t port = 0;
  int fd = -1;
};
Result<BindAddress> parse_bind_address(std::string_view text);

// Binds and listens. A socket file that is in the way is replaced only if nobody
// answers on it; a symbolic link, another kind of file and a living server are errors.
// A descriptor is taken as it is; one that is ours already, not passed, is an error.
Result<Listener> bind_listener(const std::string& address, const BindOptions& options);

// The sockets that systemd passed (sd_listen_fds_with_names(3)); none when it passed
// none. They are used as they are: never bound, unlinked or given another backlog. An
// error names the first that is not a listening stream socket. Those named "metrics"
// and "control" are not for requests: see take_listener; what an earlier master has
// left goes to `found`. Removes LISTEN_* from the environment.
Result<std::vector<Listener>> inherit_listeners(Heirlooms& found);

// Takes the first of that name (FileDescriptorName=) out of them, if there is one.
std::optional<Listener> take_listener(std::vector<Listener>& listeners,
                                      std::string_view name);

// Checks and describes `fd`, which is already a listening socket.
Result<Listener> describe_listener(UniqueFd fd, std::string name);

// Removes the socket files that we made, if they are still the same files. Before the
// sockets are closed: an open one keeps its inode, so that the number tells.
void remove_socket_files(std::vector<Listener>& listeners);

}  // namespace monodon::master
