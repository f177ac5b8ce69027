// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "master/config/table.h"

namespace monodon::master::rows {

// The rows of the table, by group; read them through setting_groups().
std::span<const Setting> application();
std::span<const Setting> listeners();
std::span<const Setting> workers();
std::span<const Setting> recycling();
std::span<const Setting> process();
std::span<const Setting> development();
std::span<const Setting> deadlines();
std::span<const Setting> limits();
std::span<const Setting> proxy();
std::span<const Setting> responses();
std::span<const Setting> logs();
std::span<const Setting> metrics();

}  // namespace monodon::master::rows
