// SPDX-License-Identifier: Apache-2.0
// What a listening socket is, asked of the kernel.
#include "master/system/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/process/passed_fds.h"

namespace monodon::master {

namespace {

Result<int> option(int fd, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(fd, SOL_SOCKET, name, &value, &size) != 0)
    return last_error("look at socket");
  return value;
}

worker::ListenerInfo describe_unix(const sockaddr_un& at, socklen_t size) {
  worker::ListenerInfo info;
  info.unix_socket = true;
  info.address = "unix:";
  const std::size_t head = offsetof(sockaddr_un, sun_path);
  const std::size_t length = size > head ? size - head : 0;
  if (length == 0) return info;  // listening, and never bound: nobody can connect
  if (at.sun_path[0] == '\0')
    info.address += "@" + std::string{at.sun_path + 1, length - 1};
  else
    info.address += std::string{at.sun_path, ::strnlen(at.sun_path, length)};
  return info;
}

worker::ListenerInfo describe_tcp(const sockaddr_storage& at) {
  worker::ListenerInfo info;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (at.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &at, sizeof v4);
    info.host = ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    info.port = ntohs(v4.sin_port);
    info.address = fmt::format("{}:{}", info.host, info.port);
  } else {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &at, sizeof v6);
    info.host = ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    info.port = ntohs(v6.sin6_port);
    info.address = fmt::format("[{}]:{}", info.host, info.port);
  }
  return info;
}

}  // namespace

std::string link_to(const worker::ListenerInfo& listener) {
  if (listener.unix_socket) return listener.address;
  std::string link = "http://" + listener.address;
  for (const std::string_view everywhere : {"0.0.0.0:", "[::]:"})
    if (listener.address.starts_with(everywhere))
      link += fmt::format(" (here http://localhost:{})",
                          listener.address.substr(everywhere.size()));
  return link;
}

Result<Listener> describe_listener(UniqueFd fd, std::string name) {
  const auto type = option(fd.get(), SO_TYPE);
  if (!type) return Error{fmt::format("descriptor {} is not a socket", fd.get())};
  if (type.value() != SOCK_STREAM)
    return Error{
        fmt::format("socket {} is no stream socket (in the .socket unit, use "
                    "ListenStream=)",
                    fd.get())};
  const auto accepts = option(fd.get(), SO_ACCEPTCONN);
  if (!accepts || accepts.value() == 0)
    return Error{
        fmt::format("socket {} does not listen (in the .socket unit, use "
                    "Accept=no)",
                    fd.get())};
  sockaddr_storage at{};
  socklen_t size = sizeof at;
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&at), &size) != 0)
    return last_error("look at socket");

  Listener listener;
  if (at.ss_family == AF_UNIX) {
    sockaddr_un un{};
    std::memcpy(&un, &at, sizeof un);
    listener.info = describe_unix(un, size);
    // For all who connect from now on.
    (void)refuse_passed_fds(fd.get());
  } else if (at.ss_family == AF_INET || at.ss_family == AF_INET6) {
    listener.info = describe_tcp(at);
  } else {
    return Error{fmt::format("socket {} is neither TCP nor Unix", fd.get())};
  }
  listener.info.name = std::move(name);
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0 ||
      ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0)
    return last_error("set up socket");
  listener.fd = std::move(fd);
  return listener;
}

}  // namespace monodon::master
