// SPDX-License-Identifier: Apache-2.0
// Finds out who keeps what is left of a process.
#include "master/system/tracer.h"

#include <fstream>

#include "base/escape.h"

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

}  // namespace monodon::master
