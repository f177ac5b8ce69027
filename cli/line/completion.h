// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <string_view>

namespace monodon::cli {

// The completion script of a shell ("bash", "zsh", "fish") for the program: commands,
// and the options that --help shows for each. Pure.
[[nodiscard]] std::string completion(const CLI::App& app, std::string_view shell);

}  // namespace monodon::cli
