// SPDX-License-Identifier: Apache-2.0
// Finds out what keeps a process, or what is left of it.
#include "master/system/tracer.h"

#include <filesystem>
#include <fstream>
#include <utility>

#include "base/process/thread_sight.h"
#include "base/text/escape.h"

namespace monodon::master {

namespace {

constexpr std::size_t kMostTitle = 100;

// "0": nobody.
std::string tracer_of(int pid) {
  constexpr std::string_view kField = "TracerPid:\t";
  std::ifstream status{"/proc/" + std::to_string(pid) + "/status"};
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(kField)) return line.substr(kField.size());
  return "0";
}

}  // namespace

std::string what_holds(int pid) {
  const std::string tracer = tracer_of(pid);
  if (tracer == "0") return "it may wait for a disk";
  std::string title;
  std::ifstream file{"/proc/" + tracer + "/cmdline"};
  std::getline(file, title, '\0');
  std::string text = "process " + tracer + " (";
  append_escaped(text, std::string_view{title}.substr(0, kMostTitle));
  return text + ") traces it; its slot is free when that process ends";
}

std::string silence_of(int pid) {
  const std::string tasks = std::to_string(pid) + "/task/";
  ThreadSight seen = look_at_thread(tasks + std::to_string(pid));
  std::error_code error;
  for (const auto& task :
       std::filesystem::directory_iterator{"/proc/" + tasks, error}) {
    if (seen.state == 'D') break;
    if (auto other = look_at_thread(tasks + task.path().filename().string());
        other.state == 'D')
      seen = std::move(other);
  }
  return "it shows no sign of life: " + describe(seen);
}

}  // namespace monodon::master
