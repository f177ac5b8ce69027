// SPDX-License-Identifier: Apache-2.0
// How a reload went, for those who come later.
#include "master/reload/reload_book.h"

#include <chrono>
#include <string>

#include "base/text/text.h"

namespace monodon::master {
namespace {

constexpr std::size_t kLongestText = 1024;

double wall_seconds() {
  return std::chrono::duration<double>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Bounded twice: before, so that nobody's megabytes are walked through, and after,
// since a byte that cannot be printed becomes four.
std::string end_of(std::string_view text, std::size_t most) {
  const bool long_before = text.size() > most;
  if (long_before) text.remove_prefix(text.size() - most);
  std::string kept;
  append_printable_lines(kept, text, {});
  const bool cut = long_before || kept.size() > most;
  if (!cut) return kept;
  if (kept.size() > most) kept.erase(0, kept.size() - most);
  // From the beginning of a line on, if there is one.
  kept.erase(0, kept.find('\n') + 1);
  return "...\n" + kept;
}

}  // namespace

void ReloadBook::begin() {
  close();
  story_.began_unix = wall_seconds();
}

void ReloadBook::step(std::string_view name, std::uint32_t generation,
                      std::string_view text) {
  story_.step = name;
  story_.generation = generation;
  story_.text = end_of(text, kLongestText);
  ++revision_;
}

void ReloadBook::end(std::string_view outcome, std::uint32_t generation,
                     std::string_view reason, Clock::duration took) {
  close();
  if (outcome.empty()) return;
  note(outcome, generation, reason);
  story_.last_took = std::chrono::duration<double>(took).count();
  if (outcome == "committed") committed_took_ = story_.last_took;
}

void ReloadBook::started() {
  close();
}

void ReloadBook::fell_back(std::uint32_t generation, std::string_view reason) {
  note("fell_back", generation, reason);
  story_.last_took = committed_took_;  // not that of another one since
}

void ReloadBook::note(std::string_view outcome, std::uint32_t generation,
                      std::string_view reason) {
  story_.last_outcome = outcome;
  story_.last_generation = generation;
  story_.last_ended_unix = wall_seconds();
  story_.last_reason = end_of(reason, metrics::ReloadStory::kLongestReason - 4);
  ++revision_;
}

void ReloadBook::close() {
  story_.step.clear();
  story_.text.clear();
  story_.generation = 0;
  ++revision_;
}

}  // namespace monodon::master
