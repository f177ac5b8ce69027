// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace monodon::cli {

struct UwsgiOptions {
  std::vector<std::pair<std::string, std::string>> given;  // in their order
  std::set<std::string> used;     // names that a site has made up for its values
  std::vector<std::string> told;  // what only uWSGI knows, a sentence each
};

// The section [uwsgi] of an ini file, its placeholders filled in and its loops run.
// What stands under a condition is left out and told. Pure.
[[nodiscard]] UwsgiOptions read_uwsgi_options(std::string_view text,
                                              const std::string& name,
                                              const std::string& directory);

}  // namespace monodon::cli
