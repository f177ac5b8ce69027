// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "master/config/settings.h"

namespace monodon::master {

// Something about a setting that its own type and range cannot show.
struct Finding {
  enum class Weight : std::uint8_t { problem, warning } weight = Weight::problem;
  std::string_view key;  // of the table; the setting to look at first
  std::string text;
};
inline constexpr auto kProblem = Finding::Weight::problem;
inline constexpr auto kWarning = Finding::Weight::warning;

// What one value alone or several together make wrong (problem: it cannot work or not
// as asked) or unwise (warning). All of them at once. Expects settings completed by
// load_config. Pure.
[[nodiscard]] std::vector<Finding> check_settings(const Settings& settings);

}  // namespace monodon::master
