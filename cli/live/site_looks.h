// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/live/sites.h"
#include "cli/live/sites_text.h"

namespace monodon::cli {

// "shop", or the number of a user that has no name.
[[nodiscard]] std::string name_of_user(std::uint32_t uid);

// What each of them does now, by its shared memory. Waits for none of them.
[[nodiscard]] std::vector<SiteLook> look_at(const std::vector<LiveSite>& sites);

// The table, or JSON, to stdout; an exit status.
int print_sites(const std::vector<LiveSite>& sites, bool json);

}  // namespace monodon::cli
