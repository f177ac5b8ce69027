// SPDX-License-Identifier: Apache-2.0
// One look at each server of the machine.
#include "cli/live/site_looks.h"

#include <pwd.h>

#include <array>

namespace monodon::cli {

std::string name_of_user(std::uint32_t uid) {
  std::array<char, 4096> room;
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &entry, room.data(), room.size(), &found) == 0 &&
      found != nullptr)
    return entry.pw_name;
  return std::to_string(uid);
}

std::vector<SiteLook> look_at(const std::vector<LiveSite>& sites) {
  std::vector<SiteLook> looks;
  for (const LiveSite& site : sites) {
    SiteLook& look = looks.emplace_back();
    look.name = !site.name.empty()     ? site.name
                : !site.likely.empty() ? site.likely
                                       : site.path;
    look.why = site.why;
    look.user = site.name.empty() ? "-" : name_of_user(site.uid);
    if (!site.why.empty()) continue;
    auto status = read_status(site.answer);
    if (status)
      look.status = std::move(status).value();
    else
      look.why = status.error().message();
  }
  return looks;
}

}  // namespace monodon::cli
