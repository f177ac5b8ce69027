// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/site/import.h"

namespace monodon::cli {

// Changes the unit so that it runs us; what was changed, a sentence each. Pure.
[[nodiscard]] std::vector<std::string> rewrite_unit(UnitFile& unit,
                                                    const std::string& name,
                                                    const Imported& imported);

}  // namespace monodon::cli
