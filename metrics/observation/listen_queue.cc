// SPDX-License-Identifier: Apache-2.0
// How many connections wait at a listener, asked by netlink.
#include "metrics/observation/listen_queue.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

namespace monodon::metrics {
namespace {

using Depths = std::map<std::uint64_t, QueueDepth>;

template <typename Body>
bool send_request(int fd, std::uint16_t flags, const Body& body) {
  struct {
    nlmsghdr header;
    Body body;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  request.body = body;
  return ::send(fd, &request, sizeof request, 0) ==
         static_cast<ssize_t>(sizeof request);
}

template <typename T>
std::optional<T> read_as(std::string_view bytes) {
  if (bytes.size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

// Calls `use` with the payload of each message until the answer ends.
template <typename Use>
void receive_answer(int fd, Use use) {
  alignas(nlmsghdr) std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got <= 0) return;
    std::string_view rest{buffer.data(), static_cast<std::size_t>(got)};
    bool more = false;
    while (const auto header = read_as<nlmsghdr>(rest)) {
      if (header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > rest.size())
        break;
      if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR) return;
      use(rest.substr(NLMSG_HDRLEN, header->nlmsg_len - NLMSG_HDRLEN));
      more |= (header->nlmsg_flags & NLM_F_MULTI) != 0;
      rest.remove_prefix(
          std::min<std::size_t>(NLMSG_ALIGN(header->nlmsg_len), rest.size()));
    }
    if (!more) return;
  }
}

std::optional<QueueDepth> queue_attribute(std::string_view attributes) {
  while (const auto head = read_as<nlattr>(attributes)) {
    if (head->nla_len < NLA_HDRLEN || head->nla_len > attributes.size()) break;
    if (head->nla_type == UNIX_DIAG_RQLEN)
      if (const auto q = read_as<unix_diag_rqlen>(attributes.substr(NLA_HDRLEN)))
        return QueueDepth{q->udiag_rqueue, q->udiag_wqueue};
    attributes.remove_prefix(
        std::min<std::size_t>(NLA_ALIGN(head->nla_len), attributes.size()));
  }
  return std::nullopt;
}

// One socket by its inode.
void ask_unix(int fd, std::uint64_t inode, Depths& found) {
  unix_diag_req request{};
  request.sdiag_family = AF_UNIX;
  request.udiag_states = ~0U;
  request.udiag_ino = static_cast<std::uint32_t>(inode);
  request.udiag_show = UDIAG_SHOW_RQLEN;
  request.udiag_cookie[0] = request.udiag_cookie[1] = INET_DIAG_NOCOOKIE;
  if (!send_request(fd, 0, request)) return;
  receive_answer(fd, [&](std::string_view payload) {
    const auto socket = read_as<unix_diag_msg>(payload);
    if (!socket) return;
    if (const auto depth = queue_attribute(payload.substr(sizeof(unix_diag_msg))))
      found[socket->udiag_ino] = *depth;
  });
}

// All that listen: for them the queues are those of connections (tcp_diag.c).
void ask_tcp(int fd, std::uint8_t family, Depths& found) {
  inet_diag_req_v2 request{};
  request.sdiag_family = family;
  request.sdiag_protocol = IPPROTO_TCP;
  request.idiag_states = 1U << TCP_LISTEN;
  if (!send_request(fd, NLM_F_DUMP, request)) return;
  receive_answer(fd, [&](std::string_view payload) {
    if (const auto socket = read_as<inet_diag_msg>(payload))
      found[socket->idiag_inode] = {socket->idiag_rqueue, socket->idiag_wqueue};
  });
}

}  // namespace

Result<SocketDiagnosis> SocketDiagnosis::open() {
  UniqueFd fd{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)};
  if (!fd) return last_error("ask the kernel about listen queues");
  // It answers at once; the limit is for a request that it drops.
  const timeval patience{1, 0};
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0)
    return last_error("set up socket");
  return SocketDiagnosis{std::move(fd)};
}

Depths SocketDiagnosis::ask(const std::vector<ListenerFacts>& listeners) const {
  Depths found;
  bool any_tcp = false;
  for (const ListenerFacts& listener : listeners) {
    any_tcp |= !listener.unix_socket;
    if (listener.unix_socket) ask_unix(fd_.get(), listener.inode, found);
  }
  if (any_tcp)
    for (const int family : {AF_INET, AF_INET6})
      ask_tcp(fd_.get(), static_cast<std::uint8_t>(family), found);
  return found;
}

void QueueHistory::note(QueueDepth depth, std::uint64_t now_ns) {
  last_ = depth;
  while (!peaks_.empty() && peaks_.back().waiting <= depth.waiting) peaks_.pop_back();
  while (!peaks_.empty() && now_ns - peaks_.front().at_ns > kSpanNs) peaks_.pop_front();
  peaks_.push_back({now_ns, depth.waiting});
}

std::uint32_t QueueHistory::highest(std::uint64_t now_ns) const {
  for (const Peak& peak : peaks_)
    if (now_ns < peak.at_ns + kSpanNs) return peak.waiting;
  return 0;
}

}  // namespace monodon::metrics
