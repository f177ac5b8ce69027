// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace monodon::cli {

// Something in a directory that can be served, or that looks like it.
struct FoundApplication {
  std::string application;  // package.module:callable
  std::string file;         // relative to the directory
  bool asgi = false;
};

// What is in `directory`, by the text of its files and without running them, the
// likeliest first. Asks read_site.py, which `monodon init` asks too.
Result<std::vector<FoundApplication>> find_applications(const std::string& python,
                                                        const std::string& directory);

// From what read_site.py prints. Pure.
[[nodiscard]] std::vector<FoundApplication> parse_found(const std::string& json);

// What to say where there is none to be served, and what else there was beside the
// first
// ("" where nothing). Pure.
[[nodiscard]] std::string nothing_found(const std::vector<FoundApplication>& found,
                                        const std::string& directory);
[[nodiscard]] std::string others_beside(const std::vector<FoundApplication>& found);

}  // namespace monodon::cli
