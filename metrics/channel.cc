// SPDX-License-Identifier: Apache-2.0
// Messages between the master and the exporter.
#include "metrics/channel.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/passed_fds.h"

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
          {"hosts", facts.hosts}};
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
  for (const Json& l : json.at("listeners"))
    facts.listeners.push_back({l.at("address"), l.at("unix"), l.at("inode")});
  return facts;
}

}  // namespace

Outcome send(int channel, const Facts& facts, std::span<const int> fds) {
  const Json json{{"facts", json_of(facts)}};
  // Paths may hold any byte.
  return send_text(channel, json.dump(-1, ' ', false, Json::error_handler_t::replace),
                   fds);
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
    const Json json = Json::parse(text);
    if (json.contains("facts")) heard.facts = facts_of(json["facts"]);
    if (json.contains("page")) {
      const Json& page = json["page"];
      heard.page = PageOrder{page.at("slot"), page.at("serial"), page.at("threads"),
                             page.at("since")};
    }
  } catch (const Json::exception& e) {
    return Error{std::string{"the master's words make no sense: "} + e.what(), EPROTO};
  }
  return heard;
}

}  // namespace monodon::metrics
