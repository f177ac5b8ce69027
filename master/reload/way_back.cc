// SPDX-License-Identifier: Apache-2.0
// Whether old code still has what it needs to come back.
#include "master/reload/way_back.h"

#include <fmt/format.h>

#include "base/process/removed_directory.h"
#include "base/text/escape.h"

namespace monodon::master {

namespace {

// The release in which a generation was imported, if somebody has removed it; else "".
std::string removed_release(const Fleet& fleet, std::uint32_t generation) {
  const Process* zygote = fleet.nursery().ready(generation);
  if (zygote == nullptr) return {};
  const std::string directory = removed_directory_of(zygote->pid);
  std::string shown;
  append_printable(shown, directory);
  return shown;
}

}  // namespace

std::string warning_of_disk(const Fleet& fleet, std::uint32_t generation) {
  const std::string removed = removed_release(fleet, generation);
  const bool in_memory = fleet.nursery().in_memory(generation);
  if (!removed.empty())
    return fmt::format(
        " ({}, the directory of generation {}, has been removed: {}; keep a release "
        "for "
        "the time of fallback)",
        removed, generation,
        in_memory ? "files that it has not read yet are missing"
                  : "its workers would import from there, and cannot come back");
  if (in_memory) return {};
  return fmt::format(
      " (workers of generation {} import from the disk: the old code is back only "
      "where it still is there, in a directory of its own)",
      generation);
}

}  // namespace monodon::master
