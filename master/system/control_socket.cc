// SPDX-License-Identifier: Apache-2.0
#include "master/system/control_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <span>
#include <utility>

#include "base/passed_fds.h"

namespace monodon::master {

namespace {

constexpr std::size_t kMaxLine = 4096;
constexpr std::size_t kMaxClients = 16;
constexpr std::size_t kMostUnread = 1 << 20;
constexpr std::chrono::seconds kAcceptPause{1};

bool may_control(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == 0 || peer.uid == ::geteuid();
}

// Whether somebody chose who may connect: systemd's default is everybody.
bool is_restricted(std::string_view address) {
  constexpr std::string_view kUnix = "unix:";
  if (!address.starts_with(kUnix)) return false;
  const std::string path{address.substr(kUnix.size())};
  struct stat found {};
  return ::lstat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode) &&
         (found.st_mode & S_IRWXO) == 0;
}

// Returns what send(2) would. The descriptors travel with the first byte.
ssize_t send_some(int fd, std::string_view text, std::span<const int> fds) {
  iovec part{const_cast<char*>(text.data()), text.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  PassedFds<kMaxControlFds> passed;
  passed.attach(message, fds);
  ssize_t sent;
  do {
    sent = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

bool has_room(int fd) {
  pollfd room{fd, POLLOUT, 0};
  return ::poll(&room, 1, 0) == 1;
}

}  // namespace

Result<ControlServer> ControlServer::open(const std::string& path) {
  BindOptions options;
  options.backlog = static_cast<int>(kMaxClients);
  options.mode = 0600;
  auto listener = bind_listener("unix:" + path, options);
  if (!listener) return Error{"control socket: " + listener.error().message()};
  ControlServer server;
  server.own_.socket = std::move(listener).value();
  return server;
}

ControlServer::~ControlServer() {
  if (!own_.socket.fd) return;
  std::vector<Listener> own;
  own.push_back(std::move(own_.socket));
  remove_socket_files(own);
}

void ControlServer::add(Listener passed) {
  passed_.for_whoever_may = is_restricted(passed.info.address);
  passed_.socket = std::move(passed);
}

void ControlServer::attach(EventLoop& loop, Handler handler) {
  loop_ = &loop;
  handler_ = std::move(handler);
  pause_ = loop.on_time([this] { enable_doors(true); });
  for (Door* const door : {&own_, &passed_})
    if (door->socket.fd)
      door->readable = loop.on_io(door->socket.fd.get(), EventLoop::Rank::normal,
                                  [this, door] { accept(*door); });
}

void ControlServer::enable_doors(bool on) {
  for (const Door* const door : {&own_, &passed_})
    EventLoop::enable(door->readable, on);
}

void ControlServer::accept(const Door& door) {
  UniqueFd fd{
      ::accept4(door.socket.fd.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
  if (!fd) {
    // Who waits there is told of again at once, and again, until there is room.
    const bool exhausted =
        errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    if (exhausted) enable_doors(false);
    if (exhausted) EventLoop::arm(pause_, Clock::now() + kAcceptPause);
    return;
  }
  // Refused by closing: what it may not ask, it may not ask about either.
  if (clients_.size() >= kMaxClients) return;
  if (!door.for_whoever_may && !may_control(fd.get())) return;
  Client& client = clients_.emplace_back();
  client.id = ++last_client_;
  client.fd = std::move(fd);
  await_line(client);
}

// A client that cannot be watched is let go: it may come again.
void ControlServer::await_line(Client& client) {
  auto watch = loop_->try_io(client.fd.get(), EventLoop::Rank::normal,
                             [this, &client] { read(client); });
  client.gone = !watch;
  if (watch) client.readable = std::move(watch).value();
}

void ControlServer::await_room(Client& client) {
  auto watch = loop_->try_io(
      client.fd.get(), EventLoop::Rank::normal, [this, &client] { flush(client); },
      EPOLLOUT);
  client.gone = !watch;
  if (watch) client.writable = std::move(watch).value();
}

void ControlServer::read(Client& client) {
  if (client.gone || !client.output.empty()) return;
  std::array<char, kMaxLine> buffer{};
  const ssize_t got =
      ::recv(client.fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  client.gone = got <= 0;
  if (got > 0) client.input.append(buffer.data(), static_cast<std::size_t>(got));
  answer(client);
  if (client.input.size() > kMaxLine) client.gone = true;
}

void ControlServer::answer(Client& client) {
  while (!client.gone && client.output.empty()) {
    const std::size_t end = client.input.find('\n');
    if (end == std::string::npos) return;
    // Before it is answered: the descriptors of an answer need room for its first byte.
    client.starved = !has_room(client.fd.get());
    if (client.starved) return;
    const std::string line = client.input.substr(0, end);
    client.input.erase(0, end + 1);
    const ControlReply reply = handler_(line, client.id);
    if (reply.line.empty()) continue;
    client.output = reply.line + "\n";
    const std::span<const int> fds{reply.fds};
    const ssize_t sent = send_some(client.fd.get(), client.output,
                                   fds.first(std::min(fds.size(), kMaxControlFds)));
    // The descriptors are lost when not even the first byte finds room.
    if (sent <= 0) {
      client.gone = true;
      return;
    }
    client.output.erase(0, static_cast<std::size_t>(sent));
  }
}

bool ControlServer::post(ControlClient to, std::string_view line) {
  const auto client = std::find_if(clients_.begin(), clients_.end(),
                                   [&](const Client& c) { return c.id == to; });
  if (client == clients_.end() || client->gone) return false;
  client->output += line;
  client->output += '\n';
  client->gone = client->output.size() > kMostUnread;
  if (!client->gone) flush(*client);
  return !client->gone;
}

void ControlServer::flush(Client& client) {
  client.starved = false;
  if (client.output.empty()) return;
  const ssize_t sent = send_some(client.fd.get(), client.output, {});
  if (sent < 0 && errno == EAGAIN) return;
  if (sent < 0) client.gone = true;
  if (sent > 0) client.output.erase(0, static_cast<std::size_t>(sent));
}

void ControlServer::tidy() {
  clients_.remove_if([](const Client& client) { return client.gone; });
  for (Client& client : clients_) {
    const auto waits = [&] { return client.starved || !client.output.empty(); };
    if (!waits() && client.writable.source() != nullptr) {
      client.writable = {};
      await_line(client);
      answer(client);  // which may have to wait in its turn
    }
    if (waits() && client.writable.source() == nullptr) {
      client.readable = {};
      await_room(client);
    }
  }
}

}  // namespace monodon::master
