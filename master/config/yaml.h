// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "master/config/settings.h"

namespace monodon::master {

// Where each setting that is not at its default was given: "monodon.yaml:3:1",
// "--workers", "WEB_CONCURRENCY".
using Origins = std::map<std::string, std::string, std::less<>>;

// Sets what the text of a configuration file says; the only user of yaml-cpp.
//
// Returns every problem of the file, each as "file:line:column: key: what is wrong";
// settings with a problem are left as they were. `file` is the name for messages.
// Pure; never throws for what the text holds.
[[nodiscard]] std::vector<std::string> apply_yaml(const std::string& text,
                                                  std::string_view file,
                                                  Settings& settings, Origins& origins);

}  // namespace monodon::master
