// SPDX-License-Identifier: Apache-2.0
// Environment and directory of a process that loads an application.
#include "worker/process/surroundings.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>

namespace monodon::worker {

Outcome apply_surroundings(const Settings& settings) {
  for (const std::string& entry : settings.environment) {
    const std::size_t equals = entry.find('=');
    if (equals == 0 || equals == std::string::npos)
      return Error{"environment: not KEY=value: " + entry, 0};
    const std::string key = entry.substr(0, equals);
    if (::setenv(key.c_str(), entry.c_str() + equals + 1, 1) != 0)
      return last_error("set environment " + key);
  }
  if (!settings.directory.empty() && ::chdir(settings.directory.c_str()) != 0)
    return last_error("change to directory " + settings.directory);
  return ok();
}

void resolve_links(Settings& settings) {
  const auto resolve = [](std::string& path) {
    std::error_code error;
    const auto physical = std::filesystem::canonical(path, error);
    if (!error) path = physical;
  };
  resolve(settings.directory);
  std::ranges::for_each(settings.python_path, resolve);
}

}  // namespace monodon::worker
