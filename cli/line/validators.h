// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <string_view>
#include <vector>

namespace monodon::cli {

// Checks of values whose complaints an operator would write.

// A decimal number from `low` to `high`.
[[nodiscard]] CLI::Validator seconds_between(double low, double high);

// One of these words; what was mistyped gets a suggestion.
[[nodiscard]] CLI::Validator one_of(const std::vector<std::string_view>& words);

}  // namespace monodon::cli
