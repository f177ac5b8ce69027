// SPDX-License-Identifier: Apache-2.0
// Finds a place for bodies that memory is not for, and says why it is that one.
#include "master/config/spool_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "base/files/spool_file.h"
#include "base/text/number.h"

namespace monodon::master {

namespace {

// Memory of the service is what the spool is there to save.
constexpr std::uint64_t kMostMemory = 256ULL << 20;

// As the application's own tempfile module would see it.
std::string temporary_directory(const worker::Settings& settings) {
  constexpr std::string_view kName = "TMPDIR=";
  for (const std::string& assignment : settings.environment)
    if (assignment.starts_with(kName)) return assignment.substr(kName.size());
  const char* const value = std::getenv("TMPDIR");
  return value == nullptr ? "" : value;
}

}  // namespace

std::string SpoolChoice::told() const {
  const bool memory = directory == kSpoolMemory;
  std::string text =
      fmt::format("large bodies are spooled in {}", memory ? "memory" : directory);
  if (limit != UINT64_MAX)
    text += fmt::format(", at most {} of all workers together", format_size(limit));
  if (!why.empty()) text += "; " + why;
  return text;
}

SpoolChoice choose_spool(const worker::Settings& settings) {
  std::vector<std::string> places;
  const std::string& asked = settings.spool_directory;
  for (const std::string& place : {asked, temporary_directory(settings),
                                   std::string{"/var/tmp"}, std::string{"/tmp"}})
    if (place.starts_with('/') &&
        std::find(places.begin(), places.end(), place) == places.end())
      places.push_back(place);
  SpoolChoice choice;
  choice.limit = settings.spool_limit == 0 ? UINT64_MAX : settings.spool_limit;
  for (const std::string& place : places) {
    const auto usable = try_spool(place);
    if (usable) {
      choice.directory = place;
      return choice;
    }
    choice.as_asked = choice.as_asked && place != asked;
    if (!choice.why.empty()) choice.why += "; ";
    choice.why += place == asked ? "spool_directory: " : "";
    choice.why += usable.error().message();
  }
  choice.directory = kSpoolMemory;
  choice.limit = std::min(choice.limit, kMostMemory);
  return choice;
}

}  // namespace monodon::master
