// SPDX-License-Identifier: Apache-2.0
// Which process has a port that we want.
#include "master/system/port_owner.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

namespace monodon::master {

namespace {

namespace fs = std::filesystem;

// "socket:[INODE]" of those that listen there: proc(5), /proc/net/tcp.
std::vector<std::string> listening_sockets(std::uint16_t port) {
  constexpr const char* kListens = "0A";
  const std::string end = fmt::format(":{:04X}", port);
  std::vector<std::string> found;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream file{table};
    for (std::string line; std::getline(file, line);) {
      std::istringstream words{line};
      const std::vector<std::string> row{std::istream_iterator<std::string>{words}, {}};
      if (row.size() > 9 && row[1].ends_with(end) && row[3] == kListens)
        found.push_back("socket:[" + row[9] + "]");
    }
  }
  return found;
}

bool has_any(const fs::path& process, const std::vector<std::string>& sockets) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{process / "fd", error}) {
    const std::string target = fs::read_symlink(entry.path(), error);
    if (std::find(sockets.begin(), sockets.end(), target) != sockets.end()) return true;
  }
  return false;
}

std::string title_of(const fs::path& process) {
  constexpr std::size_t kMost = 60;
  std::ifstream file{process / "cmdline"};
  std::string title{std::istreambuf_iterator<char>{file}, {}};
  while (!title.empty() && title.back() == '\0') title.pop_back();
  std::replace(title.begin(), title.end(), '\0', ' ');
  return title.substr(0, kMost);
}

}  // namespace

std::string owner_of_port(std::uint16_t port) {
  const auto sockets = listening_sockets(port);
  if (sockets.empty()) return {};
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{"/proc", error}) {
    const std::string name = entry.path().filename();
    const bool process = name.find_first_not_of("0123456789") == std::string::npos;
    if (process && has_any(entry.path(), sockets))
      return fmt::format("pid {} ({})", name, title_of(entry.path()));
  }
  return {};
}

}  // namespace monodon::master
