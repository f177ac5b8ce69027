// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>

#include "master/config/settings.h"

namespace monodon::master {

// Documents made from the table of settings. Pure.

// conf/monodon.yaml: every setting with its sentence, commented out at its default.
[[nodiscard]] std::string commented_yaml();

// monodon.yaml(5), in mdoc(7).
[[nodiscard]] std::string manual_page();

// A file that, read alone, gives `settings` again: `monodon check --print`.
[[nodiscard]] std::string settings_as_yaml(const Settings& settings);

// The same of some settings only, by key; in the order of the table.
[[nodiscard]] std::string settings_as_yaml(const Settings& settings,
                                           const std::set<std::string>& keys);

}  // namespace monodon::master
