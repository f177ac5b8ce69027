// SPDX-License-Identifier: Apache-2.0
// Reads /proc of one thread: what it waits for, and what it has used.
#include "base/process/thread_sight.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string_view>

#include "base/text/number.h"
#include "base/unique_fd.h"

namespace monodon {

namespace {

std::string first_line(const std::string& path) {
  const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  std::array<char, 1024> text{};
  const ssize_t got = fd ? ::read(fd.get(), text.data(), text.size()) : -1;
  if (got <= 0) return {};
  const std::string_view all{text.data(), static_cast<std::size_t>(got)};
  return std::string{all.substr(0, all.find('\n'))};
}

}  // namespace

ThreadSight look_at_thread(const std::string& task) {
  ThreadSight sight;
  const std::string folder = "/proc/" + task;
  // "pid (name) state ...": the name may hold anything, so from its last bracket on.
  const std::string stat = first_line(folder + "/stat");
  if (const std::size_t end = stat.rfind(") ");
      end != std::string::npos && end + 2 < stat.size())
    sight.state = stat[end + 2];
  const std::string used = first_line(folder + "/schedstat");
  if (const auto ns = parse_number(std::string_view{used}.substr(0, used.find(' '))))
    sight.cpu_ns = *ns;
  sight.waits_in = first_line(folder + "/wchan");
  if (sight.waits_in == "0") sight.waits_in.clear();
  return sight;
}

std::string describe(const ThreadSight& sight) {
  const std::string state = std::string{"state "} + sight.state;
  if (sight.runnable()) return "it runs (" + state + ")";
  if (sight.waits_in.empty()) return "the kernel does not say where (" + state + ")";
  return "it waits in " + sight.waits_in + " (" + state + ")";
}

}  // namespace monodon
