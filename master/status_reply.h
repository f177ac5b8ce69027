// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "master/chronicle/chronicle.h"
#include "master/fleet/fleet.h"
#include "master/reload/reload_desk.h"
#include "master/system/control_socket.h"
#include "master/system/listener.h"
#include "metrics/observation/channel.h"

namespace monodon::master {

// One line of the control protocol; what is no UTF-8 is replaced. Pure.
std::string json_line(const nlohmann::json& json);

// The listeners as status and exporter name them. Asks the kernel for their inodes.
std::vector<metrics::ListenerFacts> describe(const std::vector<Listener>& listeners);

// What status tells besides the fleet.
struct StatusFacts {
  std::string site;  // master/site_name.h
  std::string application;
  std::string directory;    // of the application
  std::string config_file;  // absolute; "": none was read
  std::vector<metrics::ListenerFacts> listeners;
  int board_fd = -1;
  std::uint32_t upgrades = 0;
  std::string fell_back;        // ReloadDesk::fell_back()
  bool stopping = false;        // or about to, in stop_delay
  metrics::ReloadStory reload;  // ReloadDesk::book()
  std::deque<LastDeath> deaths;
  Clock::time_point now{};
};

// The answer to {"op": "status"}: every slot, and read-only descriptors of board and
// pages, at most kMaxControlFds; rows name theirs by its index. Pure.
ControlReply status_reply(const Fleet& fleet, const StatusFacts& facts);

}  // namespace monodon::master
