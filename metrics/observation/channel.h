// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "metrics/observation/listen_queue.h"
#include "metrics/observation/observer.h"
#include "metrics/observation/reload_story.h"

namespace monodon::metrics {

// The channel from master to exporter: a SOCK_SEQPACKET pair, one JSON object a packet.
// Both ends are of one build. End of file: the master is gone, and the exporter leaves.
// Upwards goes one thing only: the wish for the stacks of a worker, which the master
// may refuse; and never a descriptor.

// The descriptor of the channel in the exporter; all others are closed.
inline constexpr int kExporterChannel = 3;

// What the exporter has to know and the board does not say. Sent first, with the
// descriptors of board, listener and (if there is one) the application's region
// (metrics/application/application_region.h), and again, without, when something
// changes.
struct Facts {
  std::string site;  // its name
  std::string application;
  std::string configuration_hash;
  bool shared = true;               // workers share one import of the application
  std::uint32_t ready_workers = 1;  // that /-/ready asks for
  bool ready_when_saturated = true;
  std::string agent;  // address for HAProxy's agent-check; "": none
  bool agent_drain_refused = false;
  std::vector<ListenerFacts> listeners;
  // Of every sample: name and value.
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::string> hosts;  // names that the exporter may be asked for by
  std::string dashboard = "auto";  // auto | full | brief
  std::string log_path = "-";
  std::string log_format = "auto";
  std::string log_level = "info";

  bool operator==(const Facts&) const = default;
};

// The answer to request_stacks().
struct StacksAnswer {
  std::uint32_t slot = 0;
  std::string
      refusal;  // ""; a descriptor comes along, a socket that ends with the text
};

struct Message {
  std::optional<Facts> facts;
  std::optional<PageOrder> page;  // with one descriptor
  std::optional<ReloadStory> reload;
  std::optional<StacksAnswer> stacks;
  std::vector<UniqueFd> fds;
};

// Never wait. An error with EAGAIN passes; with EPIPE or ECONNRESET it does not.
Outcome send(int channel, const Facts& facts, std::span<const int> fds);
Outcome send(int channel, const PageOrder& page, int fd);
Outcome send(int channel, const ReloadStory& story);
// fd -1: none.
Outcome send(int channel, const StacksAnswer& answer, int fd);
// Nothing but a packet, which is read as soon as the other end has a moment.
Outcome send_beat(int channel);

// Whether the other end has read all that was sent; an error counts as yes: it is then
// known by other ways. unix(7), SIOCOUTQ.
bool is_all_read(int channel);

// Waits unless the descriptor is non-blocking. ECONNRESET: end of file.
Result<Message> receive(int channel);

// The exporter's end: asks for the stacks of the worker in `slot`.
Outcome request_stacks(int channel, std::uint32_t slot);
// The master's end: the slot that is asked for. Never waits and takes no descriptors.
// EAGAIN: nothing is there. ECONNRESET: end of file. EPROTO: nonsense.
Result<std::uint32_t> receive_request(int channel);

}  // namespace monodon::metrics
