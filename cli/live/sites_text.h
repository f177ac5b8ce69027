// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/live/server_status.h"
#include "cli/live/top_trend.h"

namespace monodon::cli {

// A server of the machine, as one line tells of it.
struct SiteLook {
  std::string name;
  std::string user;
  std::string why;                     // there is no status: why
  std::optional<ServerStatus> status;  // nothing: it does not answer
  std::optional<Pace> pace;            // what top measured; nothing: one look
};

// "ready", "saturated for 12 s", "1 of 3 serve": what somebody wants to know of a site
// at the first look. Pure.
[[nodiscard]] std::string state_of(const ServerStatus& status);

// A heading and a line for each: rates where they were measured, else counts since the
// start. Safe to print. Pure but for the clock.
[[nodiscard]] std::vector<std::string> site_lines(const std::vector<SiteLook>& looks);

}  // namespace monodon::cli
