// SPDX-License-Identifier: Apache-2.0
// What is kept in systemd's descriptor store, and under which names.
#include "master/handover/fd_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "master/system/notify.h"

namespace monodon::master {

namespace {

constexpr std::string_view kOurs = "monodon-";
constexpr std::string_view kPage = "monodon-page-";  // SLOT-SERIAL
constexpr std::chrono::milliseconds kSystemdPatience{1000};

std::string page_name(const scoreboard::LastPage& page) {
  return fmt::format("{}{}-{}", kPage, page.slot, page.serial);
}

std::optional<scoreboard::LastPage> page_of(std::string_view name, int fd) {
  if (name.substr(0, kPage.size()) != kPage) return std::nullopt;
  scoreboard::LastPage page{.memfd = fd};
  const char* end = name.data() + name.size();
  const auto [dash, failed] =
      std::from_chars(name.data() + kPage.size(), end, page.slot);
  if (failed != std::errc{} || dash == end || *dash != '-') return std::nullopt;
  const auto rest = std::from_chars(dash + 1, end, page.serial);
  if (rest.ec != std::errc{} || rest.ptr != end) return std::nullopt;
  return page;
}

// In any direction, by whoever had it.
bool is_shut_down(int fd) {
  pollfd look{fd, POLLRDHUP, 0};
  return ::poll(&look, 1, 0) != 0;
}

bool is_ours(int fd) {
  int domain = 0;
  int type = 0;
  socklen_t size = sizeof domain;
  sockaddr_storage peer{};
  socklen_t peer_size = sizeof peer;
  return ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
         ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
         domain == AF_UNIX && type == SOCK_SEQPACKET &&
         ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_size) == 0 &&
         ::fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && !is_shut_down(fd);
}

// FORCE needs CAP_NET_ADMIN; without it the kernel takes what net.core.wmem_max allows.
void lengthen_queue(int fd) {
  const int bytes = 4 * 1024 * 1024;
  if (::setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0)
    (void)::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

// FDPOLL=0: systemd would drop an end of the pair for events that mean nothing to it.
bool put(const char* name, int fd) {
  const std::string text = std::string{"FDSTORE=1\nFDPOLL=0\nFDNAME="} + name;
  return send_to_systemd(text, {&fd, 1});
}

void take_out(const std::string& name) {
  (void)send_to_systemd("FDSTOREREMOVE=1\nFDNAME=" + name);
}

// A store that takes nothing says nothing, but it closes what it was sent. What it did
// take is dropped by itself when our end goes: it is polled.
bool has_store() {
  std::array<int, 2> ends{};
  constexpr int kType = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
  if (::socketpair(AF_UNIX, kType, 0, ends.data()) != 0) return false;
  const UniqueFd ours{ends[0]};
  UniqueFd theirs{ends[1]};
  const int sent = theirs.get();
  if (!send_to_systemd("FDSTORE=1\nFDNAME=monodon-probe", {&sent, 1})) return false;
  theirs.reset();
  if (!await_systemd(kSystemdPatience)) return false;
  pollfd look{ours.get(), POLLIN, 0};
  return ::poll(&look, 1, 0) == 0;
}

}  // namespace

bool take_heirloom(Heirlooms& found, std::string_view name, UniqueFd& fd) {
  if (name.substr(0, kOurs.size()) != kOurs) return false;
  (void)::fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
  if (name == kHandoffSend) {
    found.handoff.send = std::move(fd);
  } else if (name == kHandoffReceive) {
    found.handoff.receive = std::move(fd);
  } else if (name == kBoard) {
    found.board = std::move(fd);
  } else if (name == kTestament) {
    found.testament = std::move(fd);
  } else if (name == kLogKeeper) {
    found.log_keeper = std::move(fd);
  } else {
    if (auto page = page_of(name, fd.get())) {
      found.last_pages.push_back(*page);
      found.pages.push_back(std::move(fd));
    }
    found.alien.emplace_back(name);  // a page, too, is wanted only once
  }
  fd.reset();
  return true;
}

Result<HandoffPair> open_handoff(Heirlooms& found) {
  HandoffPair pair = std::exchange(found.handoff, {});
  if (pair.send && pair.receive && is_ours(pair.send.get()) &&
      is_ours(pair.receive.get()))
    return pair;
  // Half a pair is none, nor is one that a worker has shut down.
  found.alien.insert(found.alien.end(), {kHandoffSend, kHandoffReceive});
  return make_handoff();
}

Result<HandoffPair> make_handoff() {
  std::array<int, 2> ends{};
  constexpr int kType = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
  if (::socketpair(AF_UNIX, kType, 0, ends.data()) != 0)
    return last_error("make handoff socket");
  HandoffPair pair{UniqueFd{ends[0]}, UniqueFd{ends[1]}};
  lengthen_queue(pair.send.get());
  return pair;
}

bool store(const HandoffPair& handoff, int board, const Heirlooms& found) {
  if (!has_store()) return false;
  for (const std::string& name : found.alien) take_out(name);
  if (put(kHandoffSend, handoff.send.get()) &&
      put(kHandoffReceive, handoff.receive.get()) && put(kBoard, board))
    return true;
  for (const char* name : {kHandoffSend, kHandoffReceive, kBoard}) take_out(name);
  return false;
}

void store_anew(int handoff_send, int handoff_receive) {
  for (const char* name : {kHandoffSend, kHandoffReceive}) take_out(name);
  if (!put(kHandoffSend, handoff_send) || !put(kHandoffReceive, handoff_receive))
    for (const char* name : {kHandoffSend, kHandoffReceive}) take_out(name);
}

void store_page(const scoreboard::LastPage& page) {
  (void)put(page_name(page).c_str(), page.memfd);
}

void forget_page(const scoreboard::LastPage& page) {
  take_out(page_name(page));
}

}  // namespace monodon::master
