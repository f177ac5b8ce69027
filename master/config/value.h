// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "master/config/table.h"

namespace monodon::master {

// Between text and the fields of Settings, for every kind of setting. Pure.

// Each sets one field, or says what is wrong with the value in words that can follow
// "workers: " and leaves the field alone. "" is success.
[[nodiscard]] std::string set_scalar(const Setting& setting, std::string_view text,
                                     Settings& settings);
[[nodiscard]] std::string set_list(const Setting& setting,
                                   std::vector<std::string> items, Settings& settings);

// The items of a list given as flags or in the environment; empty items are dropped.
[[nodiscard]] std::vector<std::string> split_list(const Setting& setting,
                                                  std::span<const std::string> texts);

// What set_scalar would read back: "30s", "64K", "0660", "true". "" of a mode that was
// not asked for. Not for lists.
[[nodiscard]] std::string scalar_text(const Setting& setting, const Settings& settings);
[[nodiscard]] std::vector<std::string> list_items(const Setting& setting,
                                                  const Settings& settings);

[[nodiscard]] bool same_value(const Setting& setting, const Settings& a,
                              const Settings& b);

// One line for --help and the manual: "duration, 1s to 24h"; "one of: a, b".
[[nodiscard]] std::string describe_type(const Setting& setting);

// The default as one reads it: "30s", "none", "127.0.0.1, ::1".
[[nodiscard]] std::string describe_default(const Setting& setting);

}  // namespace monodon::master
