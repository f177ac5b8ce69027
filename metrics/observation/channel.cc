// SPDX-License-Identifier: Apache-2.0
// Messages between the master and the exporter.
#include "metrics/observation/channel.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/process/passed_fds.h"
#include "base/text/number.h"

namespace monodon::metrics {

// One list for both directions: members by their names, and all of them are there.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ListenerFacts, address, unix_socket, inode)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Facts, site, application, configuration_hash, shared,
                                   ready_workers, ready_when_saturated, agent,
                                   agent_drain_refused, listeners, labels, hosts,
                                   dashboard, log_path, log_format, log_level)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(PageOrder, slot, serial, threads, since_ns)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ReloadStory, step, generation, text, began_unix,
                                   last_outcome, last_generation, last_ended_unix,
                                   last_took, last_reason)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(StacksAnswer, slot, refusal)

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxFds = 3;
constexpr std::size_t kMaxText = 64 * 1024;

Outcome send_text(int channel, const std::string& text, std::span<const int> fds) {
  iovec part{const_cast<char*>(text.data()), text.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  PassedFds<kMaxFds> passed;
  passed.attach(message, fds);
  if (::sendmsg(channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
    return last_error("tell the exporter");
  return ok();
}

// Paths and what an application prints may hold any byte.
std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void read_message(const Json& json, Message& heard) {
  if (json.contains("facts")) heard.facts = json["facts"].get<Facts>();
  if (json.contains("reload")) heard.reload = json["reload"].get<ReloadStory>();
  if (json.contains("page")) heard.page = json["page"].get<PageOrder>();
  if (json.contains("stacks")) heard.stacks = json["stacks"].get<StacksAnswer>();
}

}  // namespace

Outcome send(int channel, const Facts& facts, std::span<const int> fds) {
  return send_text(channel, text_of({{"facts", facts}}), fds);
}

Outcome send(int channel, const ReloadStory& story) {
  return send_text(channel, text_of({{"reload", story}}), {});
}

Outcome send(int channel, const StacksAnswer& answer, int fd) {
  const std::span<const int> fds{&fd, fd < 0 ? 0U : 1U};
  return send_text(channel, text_of({{"stacks", answer}}), fds);
}

Outcome send(int channel, const PageOrder& page, int fd) {
  return send_text(channel, text_of({{"page", page}}), {&fd, 1});
}

Outcome send_beat(int channel) {
  return send_text(channel, "{}", {});
}

bool is_all_read(int channel) {
  int unread = 0;
  return ::ioctl(channel, SIOCOUTQ, &unread) != 0 || unread == 0;
}

Result<Message> receive(int channel) {
  std::string text(kMaxText, '\0');
  iovec part{text.data(), text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxFds)> control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
  if (got < 0) return last_error("hear the master");
  Message heard;
  take_passed_fds(message, heard.fds);
  if (got == 0) return Error{"the master is gone", ECONNRESET};
  text.resize(static_cast<std::size_t>(got));
  try {
    read_message(Json::parse(text), heard);
  } catch (const Json::exception& e) {
    return Error{std::string{"the master's words make no sense: "} + e.what(), EPROTO};
  }
  return heard;
}

Outcome request_stacks(int channel, std::uint32_t slot) {
  return send_text(channel, std::to_string(slot), {});
}

// Without room for control data the kernel passes no descriptor on.
Result<std::uint32_t> receive_request(int channel) {
  std::array<char, 16> text{};
  const ssize_t got = ::recv(channel, text.data(), text.size(), MSG_DONTWAIT);
  if (got < 0) return last_error("hear the exporter");
  if (got == 0) return Error{"the exporter is gone", ECONNRESET};
  const auto slot = parse_number({text.data(), static_cast<std::size_t>(got)},
                                 std::numeric_limits<std::uint32_t>::max());
  if (!slot) return Error{"the exporter's words make no sense", EPROTO};
  return static_cast<std::uint32_t>(*slot);
}

}  // namespace monodon::metrics
