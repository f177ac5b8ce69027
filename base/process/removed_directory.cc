// SPDX-License-Identifier: Apache-2.0
// Whether a process still has the directory that it works in.
#include "base/process/removed_directory.h"

#include <filesystem>
#include <string_view>
#include <system_error>

namespace monodon {

std::string removed_directory_of(int pid) {
  constexpr std::string_view kRemoved = " (deleted)";
  std::error_code error;
  std::string directory =
      std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/cwd", error);
  if (!directory.ends_with(kRemoved)) return {};
  directory.resize(directory.size() - kRemoved.size());
  return directory;
}

}  // namespace monodon
