// SPDX-License-Identifier: Apache-2.0
// monodon top for all sites of a machine.
#include "cli/live/top_sites.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "cli/live/site_looks.h"

namespace monodon::cli {
namespace {

Tint tint_of(const SiteLook& look) {
  if (!look.status) return Tint::bad;
  const std::string state = state_of(*look.status);
  if (state == "no worker serves") return Tint::bad;
  return state == "ready" ? Tint::plain : Tint::slow;
}

}  // namespace

// All are asked anew: sites come and go. One that hangs is waited for a second.
void SitesScene::look() {
  const auto sites = introduce(control_sockets(true));
  looks_ = look_at(sites);
  std::map<std::string, Trend> trends;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    if (!looks_[i].status) continue;
    Trend trend = std::move(trends_[sites[i].path]);
    trend.note(*looks_[i].status);
    looks_[i].pace = trend.of_all();
    trends.insert_or_assign(sites[i].path, std::move(trend));
  }
  trends_ = std::move(trends);
}

std::vector<TopLine> SitesScene::screen(TopChoice choice, std::size_t width,
                                        std::size_t height) const {
  std::vector<TopLine> lines;
  std::string first =
      fmt::format("{:%H:%M:%S}  monodon  {} {}", fmt::localtime(std::time(nullptr)),
                  looks_.size(), looks_.size() == 1 ? "site" : "sites");
  if (choice.paused) first += "  PAUSED";
  lines.push_back({std::move(first)});
  lines.push_back({});
  const auto texts = site_lines(looks_);
  lines.push_back({texts.front(), Tint::heading});
  const std::size_t room =
      height == 0 ? looks_.size() : height - std::min(height, lines.size());
  const Window window = window_of(looks_.size(), room, choice.first);
  for (std::size_t i = window.first; i < window.first + window.count; ++i)
    lines.push_back({texts[i + 1], tint_of(looks_[i])});
  if (window.count != looks_.size())
    lines.push_back(
        {fmt::format("  ... {} above, {} below: scroll with PgUp and PgDn",
                     window.first, looks_.size() - window.first - window.count),
         Tint::dim});
  if (height != 0 && lines.size() > height) lines.resize(height);
  if (width != 0)
    for (TopLine& line : lines)
      if (line.text.size() > width) line.text.resize(width);
  return lines;
}

}  // namespace monodon::cli
