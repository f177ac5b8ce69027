// SPDX-License-Identifier: Apache-2.0
// All sockets of a site: bound, shared, and cleared away.
#include "master/system/listeners.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <limits>
#include <memory>
#include <utility>

#include "base/net/unix_address.h"
#include "base/process/close_elsewhere.h"
#include "base/process/passed_fds.h"
#include "base/text/number.h"
#include "master/system/identity.h"
#include "master/system/port_owner.h"

namespace monodon::master {

namespace {

Result<UniqueFd> make_socket(int family) {
  UniqueFd fd{::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd) return last_error("make socket");
  return fd;
}

// What connect(2) says of the socket file: 0, or its errno. ECONNREFUSED: no process
// listens on it any more.
int knock(const UnixAddress& name) {
  auto probe = make_socket(AF_UNIX);
  if (!probe) return probe.error().code;
  return ::connect(probe.value().get(), name.data(), name.size()) == 0 ? 0 : errno;
}

// The same as root, on a file that the user has and may not connect to: it was given to
// somebody else (socket_user). By descriptor, so that no link leads elsewhere.
int knock_as_root(int file) {
  struct stat found {};
  if (::fstat(file, &found) != 0 || !S_ISSOCK(found.st_mode) || found.st_nlink != 1)
    return EACCES;
  const auto name = UnixAddress::of_path(fmt::format("/proc/self/fd/{}", file));
  return name ? knock(*name) : EACCES;
}

// ok(): the path is free now. The file that is there is removed only when the kernel
// says that no process listens on it any more.
Outcome clear_path(const std::string& path, const UnixAddress& name,
                   const FileRights& rights) {
  UniqueFd file;
  int said = 0;
  std::string why;
  {
    const ActingAs acting = rights.for_path(path);
    why = acting.why();
    struct stat found {};
    if (::lstat(path.c_str(), &found) != 0)
      return errno == ENOENT ? ok() : last_error("bind unix:" + path + why);
    if (S_ISLNK(found.st_mode))
      return Error{"bind unix:" + path +
                   ": it is a symbolic link; name the target itself"};
    if (!S_ISSOCK(found.st_mode))
      return Error{"bind unix:" + path + ": there is a file that is not a socket"};
    file.reset(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    said = knock(name);
  }
  if (said == EACCES && !why.empty()) said = knock_as_root(file.get());
  // EAGAIN: its backlog is full, so somebody listens.
  if (said == 0 || said == EAGAIN)
    return Error{"bind unix:" + path + ": another server answers there"};
  if (said != ECONNREFUSED) return Error{"bind unix:" + path + why, said};
  const ActingAs acting = rights.for_path(path);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    return last_error("remove stale socket " + path + why);
  return ok();
}

// As who we are, on the file that was just made and on no other: in a directory of the
// user's another one may stand there by now.
Outcome give_away(const std::string& path, const struct stat& made,
                  const BindOptions& options) {
  auto owner = find_owner(options.user, options.group);
  if (!owner) return owner.error();
  const Owner& to = owner.value();
  const uid_t uid = to.uid.value_or(made.st_uid);
  const gid_t gid = to.gid.value_or(to.uid ? to.primary : made.st_gid);
  if (uid == made.st_uid && gid == made.st_gid) return ok();
  const UniqueFd file{::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
  struct stat there {};
  if (!file || ::fstat(file.get(), &there) != 0) return last_error("find " + path);
  if (there.st_dev != made.st_dev || there.st_ino != made.st_ino)
    return Error{"bind unix:" + path + ": somebody else has put a file there"};
  if (::fchownat(file.get(), "", uid, gid, AT_EMPTY_PATH) != 0)
    return last_error("change owner of " + path);
  return ok();
}

// Makes the socket file, with its mode from the first moment on: nothing is changed by
// its name afterwards.
Result<struct stat> make_file(int socket, const std::string& path,
                              const UnixAddress& name, const BindOptions& options) {
  if (auto clear = clear_path(path, name, options.rights); !clear) return clear.error();
  const ActingAs acting = options.rights.for_path(path);
  const bool narrow = options.mode >= 0;
  const mode_t before =
      narrow ? ::umask(static_cast<mode_t>(~options.mode & 0777)) : mode_t{};
  const int r = ::bind(socket, name.data(), name.size());
  const int code = errno;
  if (narrow) (void)::umask(before);
  if (r != 0) return Error{"bind unix:" + path + acting.why(), code};
  struct stat made {};
  if (::lstat(path.c_str(), &made) != 0) return last_error("find " + path);
  // Whoever may write in the directory may have replaced it already, by a file that
  // was moved there; what we give away later is a socket that we could have made.
  if (!S_ISSOCK(made.st_mode) || made.st_uid != ::geteuid() || made.st_nlink != 1)
    return Error{"bind unix:" + path + ": somebody else has put a file there"};
  return made;
}

Result<Listener> bind_unix(const BindAddress& at, const BindOptions& options) {
  const bool abstract = at.family == BindAddress::Family::abstract;
  const std::string shown = (abstract ? "unix:@" : "unix:") + at.path;
  const auto name =
      abstract ? UnixAddress::abstract(at.path) : UnixAddress::of_path(at.path);
  if (!name)
    return Error{fmt::format("bind {}: a socket path has 1 to {} bytes", shown,
                             UnixAddress::kLongest)};
  auto fd = make_socket(AF_UNIX);
  if (!fd) return fd.error();
  // Who connects inherits it. Nothing but bytes is expected at any listener of ours.
  (void)refuse_passed_fds(fd.value().get());
  Listener listener;
  listener.info = {"http", shown, true, "", 0};
  if (abstract) {
    if (::bind(fd.value().get(), name->data(), name->size()) != 0)
      return last_error("bind " + shown);
  } else {
    const auto made = make_file(fd.value().get(), at.path, *name, options);
    if (!made) return made.error();
    listener.own_path = at.path;
    listener.device = made.value().st_dev;
    listener.inode = made.value().st_ino;
    if (auto given = give_away(at.path, made.value(), options); !given)
      return given.error();
  }
  if (::listen(fd.value().get(), options.backlog) != 0)
    return last_error("listen on " + shown);
  listener.fd = std::move(fd).value();
  return listener;
}

Result<Listener> bind_tcp(const BindAddress& at, const BindOptions& options) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(at.port);
  const int r = ::getaddrinfo(at.host.empty() ? nullptr : at.host.c_str(), port.c_str(),
                              &hints, &found);
  const std::string shown = fmt::format("{}:{}", at.host, at.port);
  if (r != 0) return Error{fmt::format("bind {}: {}", shown, ::gai_strerror(r))};
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner{found, ::freeaddrinfo};

  auto fd = make_socket(found->ai_family);
  if (!fd) return fd.error();
  const int on = 1;
  const int socket = fd.value().get();
  // Without it, connections of the last run in TIME_WAIT keep the port for a minute.
  (void)::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // Accepted sockets inherit it: a response is one write, there is nothing to wait for.
  (void)::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::bind(socket, found->ai_addr, found->ai_addrlen) != 0) {
    const int code = errno;
    const std::string taken = code == EADDRINUSE ? owner_of_port(at.port) : "";
    if (taken.empty()) return Error{"bind " + shown, code};
    return Error{
        fmt::format("bind {}: Address already in use by {}; take another with {}",
                    shown, taken, options.flag),
        0};
  }
  if (::listen(socket, options.backlog) != 0) return last_error("listen on " + shown);
  return describe_listener(std::move(fd).value(), "http");
}

// What came over exec has no FD_CLOEXEC; everything that we opened since has it.
Result<Listener> take_descriptor(int fd) {
  const int flags = ::fcntl(fd, F_GETFD);
  if (flags < 0 || (flags & FD_CLOEXEC) != 0)
    return Error{fmt::format("bind fd://{}: no such descriptor was passed", fd)};
  auto taken = describe_listener(UniqueFd{fd}, "http");
  if (!taken)
    return Error{fmt::format("bind fd://{}: {}", fd, taken.error().message())};
  return taken;
}

}  // namespace

Result<BindAddress> parse_bind_address(std::string_view text) {
  const auto wrong = [&] {
    return Error{fmt::format(
        "bind {}: not unix:/path, unix:@name, host:port, [v6]:port or fd://number",
        text)};
  };
  BindAddress at;
  if (text.substr(0, 5) == "fd://") {
    const auto fd = parse_number(text.substr(5), std::numeric_limits<int>::max());
    if (!fd) return wrong();
    at.family = BindAddress::Family::descriptor;
    at.fd = static_cast<int>(*fd);
    return at;
  }
  if (text.substr(0, 5) == "unix:") {
    text.remove_prefix(5);
    const bool abstract = text.substr(0, 1) == "@";
    if (abstract) text.remove_prefix(1);
    at.family = abstract ? BindAddress::Family::abstract : BindAddress::Family::path;
    at.path = text;
    if (text.empty()) return wrong();
    return at;
  }
  at.family = BindAddress::Family::tcp;
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong();
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host.find(':') != std::string_view::npos) return wrong();
  const auto number = parse_number(port, std::numeric_limits<std::uint16_t>::max());
  if (!number) return wrong();
  at.port = static_cast<std::uint16_t>(*number);
  at.host = host;
  return at;
}

Result<Listener> bind_listener(const std::string& address, const BindOptions& options) {
  auto at = parse_bind_address(address);
  if (!at) return at.error();
  switch (at.value().family) {
    case BindAddress::Family::tcp:
      return bind_tcp(at.value(), options);
    case BindAddress::Family::descriptor:
      return take_descriptor(at.value().fd);
    case BindAddress::Family::path:
    case BindAddress::Family::abstract:
      break;
  }
  return bind_unix(at.value(), options);
}

void remove_socket_files(std::vector<Listener>& listeners, const FileRights& rights) {
  for (Listener& listener : listeners) {
    keep_to_the_end(listener.fd.get());
    const std::string path = std::exchange(listener.own_path, {});
    if (path.empty()) continue;
    const ActingAs acting = rights.for_path(path);
    struct stat now {};
    if (::lstat(path.c_str(), &now) != 0) continue;
    // Another server may have put its own there since.
    if (now.st_dev == listener.device && now.st_ino == listener.inode)
      (void)::unlink(path.c_str());
  }
}

}  // namespace monodon::master
