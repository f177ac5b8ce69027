// SPDX-License-Identifier: Apache-2.0
// Where the files that were installed with this program lie.
#include "base/files/install_paths.h"

#include <limits.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <vector>

namespace monodon::master {
namespace {

std::string program_directory() {
  std::array<char, PATH_MAX> buffer;
  const ssize_t size = ::readlink("/proc/self/exe", buffer.data(), buffer.size());
  if (size <= 0) return ".";
  const std::string program{buffer.data(), static_cast<std::size_t>(size)};
  return program.substr(0, program.rfind('/'));
}

}  // namespace

Result<std::string> find_in_libdir(std::string_view name) {
  std::vector<std::string> places;
  if (const char* const set = std::getenv("MONODON_LIBDIR"); set != nullptr) {
    places.emplace_back(set);
  }
  const std::string base = program_directory();
  for (const char* place : {"/../lib/monodon", "", "/../worker/python",
                            "/../worker/native", "/../metrics"}) {
    places.push_back(base + place);
  }
  std::string tried;
  for (const std::string& place : places) {
    const std::string path = place + "/" + std::string{name};
    if (::access(path.c_str(), R_OK) == 0) return path;
    tried += (tried.empty() ? "" : ", ") + path;
  }
  return Error{"find " + std::string{name} + ": not installed; tried " + tried, 0};
}

}  // namespace monodon::master
