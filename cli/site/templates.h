// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace monodon::cli {

// A file that `monodon init` starts from, embedded in the program: those of
// conf/templates, and the packaged units of conf/systemd, so that a site's own units
// say the same. "" for no such file.
[[nodiscard]] std::string_view file_template(std::string_view name);

// The template with each @word@ replaced; one that `values` has not is left. Pure.
[[nodiscard]] std::string fill_template(
    std::string_view text,
    const std::map<std::string, std::string, std::less<>>& values);

}  // namespace monodon::cli
