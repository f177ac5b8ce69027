// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/files/file_rights.h"
#include "base/result.h"
#include "master/system/listener.h"

namespace monodon::master {

struct BindOptions {
  int backlog = 2048;
  int mode = -1;      // of a Unix socket; -1: by umask
  std::string user;   // owner of a Unix socket; name or number, "": stays
  std::string group;  // the same; "" with a user: that user's own
  FileRights rights;  // with which a socket file is made
  std::string_view flag = "--bind";  // whose value it is, for messages
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

// Removes the socket files that we made, if they are still the same files. Before the
// sockets are closed: an open one keeps its inode, so that the number tells. Where this
// process ends: copies of the sockets stay until then (base/process/close_elsewhere.h).
void remove_socket_files(std::vector<Listener>& listeners,
                         const FileRights& rights = {});

}  // namespace monodon::master
