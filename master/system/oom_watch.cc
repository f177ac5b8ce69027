// SPDX-License-Identifier: Apache-2.0
// Whether the kernel's OOM killer was here.
#include "master/system/oom_watch.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <utility>

namespace monodon::master {

namespace {

using namespace std::chrono_literals;

// From the kill, which is counted first, to the news of the death: a large process
// takes a while to be torn down.
constexpr auto kPatience = 5s;

std::string readable(std::string path) {
  return ::access(path.c_str(), R_OK) == 0 ? path : std::string{};
}

std::string text_of(const char* path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

}  // namespace

// cgroups(7): lines of "number:controllers:path", the number 0 for version 2.
std::string find_oom_counter(std::string_view cgroups, const std::string& root) {
  std::string found;
  while (!cgroups.empty()) {
    const std::string_view line = cgroups.substr(0, cgroups.find('\n'));
    cgroups.remove_prefix(std::min(line.size() + 1, cgroups.size()));
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const auto controllers =
        "," + std::string{line.substr(first + 1, second - first - 1)} + ",";
    const std::string path{line.substr(second + 1)};
    if (line.starts_with("0::"))
      found = readable(root + path + "/memory.events");
    else if (controllers.find(",memory,") != std::string::npos)
      found = readable(root + "/memory" + path + "/memory.oom_control");
    if (!found.empty()) break;
  }
  return found;
}

OomWatch::OomWatch(std::string counter)
    : counter_{counter.empty()
                   ? find_oom_counter(text_of("/proc/self/cgroup"), "/sys/fs/cgroup")
                   : std::move(counter)},
      seen_{read()} {}

std::string OomWatch::directory() const {
  return counter_.substr(0, std::min(counter_.rfind('/'), counter_.size()));
}

void OomWatch::look(Clock::time_point now) {
  if (now - looked_at_ >= 1s) count(now);
}

bool OomWatch::explains_death(Clock::time_point now) {
  count(now);
  if (unexplained_ == 0) return false;
  --unexplained_;
  return true;
}

void OomWatch::count(Clock::time_point now) {
  looked_at_ = now;
  if (now - killed_at_ > kPatience) unexplained_ = 0;
  const std::uint64_t counted = read();
  const std::uint64_t before = std::exchange(seen_, counted);
  if (counted <= before) return;
  unexplained_ += counted - before;
  killed_at_ = now;
}

std::uint64_t OomWatch::read() const {
  std::ifstream file{counter_};
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("oom_kill ")) continue;
    std::uint64_t count = 0;
    std::from_chars(line.data() + 9, line.data() + line.size(), count);
    return count;
  }
  return 0;
}

}  // namespace monodon::master
