// SPDX-License-Identifier: Apache-2.0
// Finds the control groups whose limits hold for this process.
#include "base/machine/control_groups.h"

#include <algorithm>
#include <fstream>

namespace monodon {
namespace {

// Whether `controller` is among "cpu,cpuacct".
bool has(std::string_view controllers, std::string_view controller) {
  while (!controllers.empty()) {
    const std::size_t end = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, end) == controller) return true;
    controllers.remove_prefix(std::min(end + 1, controllers.size()));
  }
  return false;
}

void add_all(const std::string& root, std::string_view group,
             std::vector<std::string>& to) {
  if (group == "/") group = {};
  for (;;) {
    to.push_back(root + std::string{group});
    if (group.empty()) return;
    group = group.substr(0, group.rfind('/'));
  }
}

}  // namespace

std::vector<std::string> ControlGroups::directories(std::string_view controller) const {
  std::vector<std::string> all;
  std::ifstream file{own};
  for (std::string line; std::getline(file, line);) {
    // "4:cpu,cpuacct:/a.slice", and "0::/a.slice/b.service" of version 2.
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string_view whole{line};
    const auto controllers = whole.substr(first + 1, second - first - 1);
    const auto group = whole.substr(second + 1);
    if (controllers.empty())
      add_all(tree, group, all);
    else if (has(controllers, controller))
      add_all(tree + "/" + std::string{controllers}, group, all);
  }
  if (all.empty()) all.push_back(tree);
  return all;
}

}  // namespace monodon
