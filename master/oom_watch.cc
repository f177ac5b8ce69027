// SPDX-License-Identifier: Apache-2.0
#include "master/oom_watch.h"

#include <charconv>
#include <fstream>
#include <utility>

namespace monodon::master {

namespace {

std::string find_events() {
  std::ifstream file{"/proc/self/cgroup"};
  for (std::string line; std::getline(file, line);)
    if (line.rfind("0::", 0) == 0)
      return "/sys/fs/cgroup" + line.substr(3) + "/memory.events";
  return {};
}

}  // namespace

OomWatch::OomWatch(std::string events)
    : events_{events.empty() ? find_events() : std::move(events)}, seen_{read()} {}

bool OomWatch::struck() {
  const std::uint64_t now = read();
  return now > std::exchange(seen_, now);
}

std::uint64_t OomWatch::read() const {
  std::ifstream file{events_};
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("oom_kill ", 0) != 0) continue;
    std::uint64_t count = 0;
    std::from_chars(line.data() + 9, line.data() + line.size(), count);
    return count;
  }
  return 0;
}

}  // namespace monodon::master
