// SPDX-License-Identifier: Apache-2.0
// The socket on which orders are taken, and who may give which.
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

#include "base/process/close_elsewhere.h"
#include "base/process/passed_fds.h"

namespace monodon::master {

namespace {

constexpr std::size_t kMaxLine = 4096;
// For all clients together, by the rank of the next: 16 for whoever may connect to
// systemd's socket, some more for the service's user, and the last for root.
constexpr std::array<std::size_t, 3> kPlaces{16, 20, 24};
constexpr std::size_t kRankOfUser = 1;
constexpr std::size_t kRankOfRoot = 2;
constexpr std::size_t kMostUnread = 1 << 20;
constexpr std::chrono::seconds kAcceptPause{1};
// unix(7), ETOOMANYREFS. Root is exempt, and so is who may override limits.
constexpr std::string_view kInFlight =
    R"({"error":"the kernel passes no descriptors between processes of this user now: )"
    R"(as many as LimitNOFILE= allows are in messages that nobody has read, of this )"
    R"(server's workers or of other programs; docs/messages.md, descriptors_in_flight"})"
    "\n";

std::size_t rank_of(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return 0;
  if (peer.uid == 0) return kRankOfRoot;
  return peer.uid == ::geteuid() ? kRankOfUser : 0;
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

// Lost if the client has not even room for this.
void turn_away(int fd, std::string_view why) {
  std::string line = "{\"error\":\"";
  line += why;
  line += "\"}\n";
  (void)send_some(fd, line, {});
}

bool has_room(int fd) {
  pollfd room{fd, POLLOUT, 0};
  return ::poll(&room, 1, 0) == 1;
}

}  // namespace

Result<ControlServer> ControlServer::open(const std::string& path) {
  BindOptions options;
  options.backlog = static_cast<int>(kPlaces.back());
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
  if (!directory_.empty()) (void)::rmdir(directory_.c_str());
}

void ControlServer::add(Listener passed) {
  passed_.for_whoever_may = is_restricted(passed.info.address);
  passed_.socket = std::move(passed);
}

void ControlServer::attach(EventLoop& loop, Handler handler, Clock::duration patience) {
  loop_ = &loop;
  patience_ = patience;
  silence_ = loop.on_time([] {});  // the turn that follows does the work
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
  GuardedSocket fd{UniqueFd{
      ::accept4(door.socket.fd.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)}};
  if (!fd) {
    // Who waits there is told of again at once, and again, until there is room.
    const bool exhausted =
        errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    if (exhausted) enable_doors(false);
    if (exhausted) EventLoop::arm(pause_, Clock::now() + kAcceptPause);
    return;
  }
  const std::size_t rank = rank_of(fd.get());
  if (!door.for_whoever_may && rank == 0)
    return turn_away(fd.get(),
                     "this socket takes orders from root and from the user of "
                     "the server only");
  if (!make_room(rank))
    return turn_away(fd.get(),
                     "all places are taken by clients that wait for the end of "
                     "a reload; try again, or as root");
  if (!refuses_passed_fds(fd.get())) see_all_passed_fds(fd.get());
  Client& client = clients_.emplace_back();
  client.id = ++last_client_;
  client.rank = rank;
  client.since = Clock::now();
  client.fd = std::move(fd);
  await_line(client);
}

// The clients that are on their way out have their places until tidy().
bool ControlServer::make_room(std::size_t rank) {
  const auto there = static_cast<std::size_t>(std::count_if(
      clients_.begin(), clients_.end(), [](const Client& c) { return !c.gone; }));
  if (there < kPlaces.at(rank)) return true;
  Client* oldest = nullptr;
  for (Client& client : clients_)
    if (!client.gone && !client.waits && client.rank <= rank &&
        (oldest == nullptr || client.since < oldest->since))
      oldest = &client;
  if (oldest == nullptr) return false;
  turn_away(oldest->fd.get(),
            "others need the place of this connection, which was idle");
  oldest->gone = true;
  return true;
}

// Who waits for an answer is not silent, nor is who had one and asks nothing yet.
void ControlServer::end_silent() {
  const Clock::time_point now = Clock::now();
  Clock::time_point next = Clock::time_point::max();
  for (Client& client : clients_) {
    const bool unread = client.starved || !client.output.empty();
    const bool asks = !client.waits && (!client.answered || !client.input.empty());
    if (client.gone || (!unread && !asks)) continue;
    client.gone = now - client.since >= patience_;
    if (client.gone && !unread)
      turn_away(client.fd.get(), "no whole line came in time");
    else
      next = std::min(next, client.since + patience_);
  }
  EventLoop::arm(silence_, next);
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
  std::vector<UniqueFd> strangers;
  const ssize_t got = receive_guarded(client.fd.get(), buffer, strangers);
  if (got < 0 && errno == EAGAIN) return;
  client.gone = got <= 0 || !strangers.empty();
  close_elsewhere(std::move(strangers));
  if (client.gone) return;
  if (client.input.empty()) client.since = Clock::now();
  client.input.append(buffer.data(), static_cast<std::size_t>(got));
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
    client.since = Clock::now();
    client.answered = true;
    client.waits = true;  // unless the handler posts the last line already
    const ControlReply reply = handler_(line, client.id);
    if (reply.line.empty()) continue;
    client.waits = false;
    client.output = reply.line + "\n";
    const std::span<const int> fds{reply.fds};
    ssize_t sent = send_some(client.fd.get(), client.output,
                             fds.first(std::min(fds.size(), kMaxControlFds)));
    if (sent < 0 && errno == ETOOMANYREFS) {
      client.output = kInFlight;
      sent = send_some(client.fd.get(), client.output, {});
    }
    // The descriptors are lost when not even the first byte finds room.
    if (sent <= 0) {
      client.gone = true;
      return;
    }
    client.output.erase(0, static_cast<std::size_t>(sent));
  }
}

bool ControlServer::post(ControlClient to, std::string_view line, bool last) {
  const auto client = std::find_if(clients_.begin(), clients_.end(),
                                   [&](const Client& c) { return c.id == to; });
  if (client == clients_.end() || client->gone) return false;
  if (client->output.empty()) client->since = Clock::now();
  client->waits = !last;
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
  if (sent <= 0) return;
  client.output.erase(0, static_cast<std::size_t>(sent));
  client.since = Clock::now();
}

void ControlServer::tidy() {
  if (loop_ != nullptr) end_silent();
  clients_.remove_if([](const Client& client) { return client.gone; });
  for (Client& client : clients_) {
    const auto waits = [&] { return client.starved || !client.output.empty(); };
    if (!waits() && client.writable.watches()) {
      client.writable = {};
      await_line(client);
      answer(client);  // which may have to wait in its turn
    }
    if (waits() && !client.writable.watches()) {
      client.readable = {};
      await_room(client);
    }
  }
}

}  // namespace monodon::master
