// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <string>
#include <vector>

namespace monodon::cli {

// What is wrong with a command line that CLI11 refused, with what was probably meant:
// "status: --jsno: unknown flag; did you mean --json?". `arguments`: the line without
// the program.
[[nodiscard]] std::string explain(const CLI::App& app, const CLI::ParseError& error,
                                  const std::vector<std::string>& arguments);

}  // namespace monodon::cli
