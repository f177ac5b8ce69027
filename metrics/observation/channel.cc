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

Json json_of(const Facts& facts) {
  Json listeners = Json::array();
  for (const ListenerFacts& l : facts.listeners)
    listeners.push_back(
        {{"address", l.address}, {"unix", l.unix_socket}, {"inode", l.inode}});
  return {{"site", facts.site},
          {"labels", facts.labels},
          {"application", facts.application},
          {"hash", facts.configuration_hash},
          {"shared", facts.shared},
          {"ready", facts.ready_workers},
          {"ready_when_saturated", facts.ready_when_saturated},
          {"agent", facts.agent},
          {"agent_drain_refused", facts.agent_drain_refused},
          {"listeners", std::move(listeners)},
          {"log_path", facts.log_path},
          {"log_format", facts.log_format},
          {"log_level", facts.log_level},
          {"hosts", facts.hosts},
          {"dashboard", facts.dashboard}};
}

Facts facts_of(const Json& json) {
  Facts facts;
  json.at("site").get_to(facts.site);
  json.at("labels").get_to(facts.labels);
  json.at("application").get_to(facts.application);
  json.at("hash").get_to(facts.configuration_hash);
  json.at("shared").get_to(facts.shared);
  json.at("ready").get_to(facts.ready_workers);
  json.at("ready_when_saturated").get_to(facts.ready_when_saturated);
  json.at("agent").get_to(facts.agent);
  json.at("agent_drain_refused").get_to(facts.agent_drain_refused);
  json.at("log_path").get_to(facts.log_path);
  json.at("log_format").get_to(facts.log_format);
  json.at("log_level").get_to(facts.log_level);
  json.at("hosts").get_to(facts.hosts);
  json.at("dashboard").get_to(facts.dashboard);
  for (const Json& l : json.at("listeners"))
    facts.listeners.push_back({l.at("address"), l.at("unix"), l.at("inode")});
  return facts;
}

Json json_of(const ReloadStory& story) {
  return {{"step", story.step},
          {"generation", story.generation},
          {"text", story.text},
          {"began", story.began_unix},
          {"outcome", story.last_outcome},
          {"last_generation", story.last_generation},
          {"ended", story.last_ended_unix},
          {"took", story.last_took},
          {"reason", story.last_reason}};
}

ReloadStory story_of(const Json& json) {
  ReloadStory story;
  json.at("step").get_to(story.step);
  json.at("generation").get_to(story.generation);
  json.at("text").get_to(story.text);
  json.at("began").get_to(story.began_unix);
  json.at("outcome").get_to(story.last_outcome);
  json.at("last_generation").get_to(story.last_generation);
  json.at("ended").get_to(story.last_ended_unix);
  json.at("took").get_to(story.last_took);
  json.at("reason").get_to(story.last_reason);
  return story;
}

// Paths and what an application prints may hold any byte.
std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void read_message(const Json& json, Message& heard) {
  if (json.contains("facts")) heard.facts = facts_of(json["facts"]);
  if (json.contains("reload")) heard.reload = story_of(json["reload"]);
  if (json.contains("page")) {
    const Json& page = json["page"];
    heard.page = PageOrder{page.at("slot"), page.at("serial"), page.at("threads"),
                           page.at("since")};
  }
  if (json.contains("stacks"))
    heard.stacks =
        StacksAnswer{json["stacks"].at("slot"), json["stacks"].at("refusal")};
}

}  // namespace

Outcome send(int channel, const Facts& facts, std::span<const int> fds) {
  return send_text(channel, text_of({{"facts", json_of(facts)}}), fds);
}

Outcome send(int channel, const ReloadStory& story) {
  return send_text(channel, text_of({{"reload", json_of(story)}}), {});
}

Outcome send(int channel, const StacksAnswer& answer, int fd) {
  const std::span<const int> fds{&fd, fd < 0 ? 0U : 1U};
  return send_text(
      channel,
      text_of({{"stacks", {{"slot", answer.slot}, {"refusal", answer.refusal}}}}), fds);
}

Outcome send(int channel, const PageOrder& page, int fd) {
  const Json json{{"page",
                   {{"slot", page.slot},
                    {"serial", page.serial},
                    {"threads", page.threads},
                    {"since", page.since_ns}}}};
  return send_text(channel, json.dump(), {&fd, 1});
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
