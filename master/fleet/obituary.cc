// SPDX-License-Identifier: Apache-2.0
// A worker's end in one sentence.
#include "master/fleet/obituary.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "base/machine/system_calls.h"
#include "base/text/escape.h"

namespace monodon::master {

namespace {

using namespace std::chrono_literals;

std::string signal_name(int number) {
  const std::string name = signal_abbreviation(number);
  return name.empty() ? fmt::format("signal {}", number) : "SIG" + name;
}

std::string why_retired(std::int64_t reason) {
  if (reason == static_cast<std::int64_t>(wire::Retire::max_requests))
    return "max_requests";
  if (reason == static_cast<std::int64_t>(wire::Retire::max_lifetime))
    return "max_lifetime";
  if (reason == static_cast<std::int64_t>(wire::Retire::max_memory))
    return "max_memory";
  return "SIGTERM";
}

// How large it was, beside what the service may have.
std::string sizes(const Death& death) {
  const auto mib = [](std::uint64_t bytes) { return (bytes + (1U << 19U)) >> 20U; };
  if (death.peak_bytes == 0) return {};
  std::string text = fmt::format(", at {} MiB", mib(death.peak_bytes));
  if (death.memory_limit != 0)
    text += fmt::format(" with a limit of {} MiB for all", mib(death.memory_limit));
  return text + ",";
}

// None of our own deadlines, which kill as well.
bool is_out_of_memory(const News& gone, bool out_of_memory) {
  return out_of_memory && gone.struck_in == State::vacant && !gone.boot_failed &&
         gone.death.by_signal && gone.death.code == SIGKILL;
}

std::string how(const News& gone, bool out_of_memory) {
  const bool stuck = gone.wear == Wear::stuck;
  if (gone.struck_in == State::starting)
    return "was killed by the master because it was not ready within boot_timeout";
  if (gone.struck_in == State::lost)
    return "was killed by the master because it closed its channel and did not exit";
  if (gone.struck_in == State::draining && gone.wear == Wear::silent)
    return "was killed by the master because it showed no sign of life";
  if (gone.struck_in == State::draining && stuck)
    return "was killed by the master because a request ran past request_timeout";
  if (gone.struck_in == State::draining && gone.withdrawn)
    return "was ended while it started, since its code is not wanted any more";
  if (gone.struck_in == State::draining)
    return "was killed by the master because it did not leave within graceful_timeout";
  if (gone.boot_failed) return "could not load the application";
  if (is_out_of_memory(gone, out_of_memory))
    return "was killed by the kernel, which was out of memory (SIGKILL)" +
           sizes(gone.death);
  if (gone.death.by_signal && gone.death.code == SIGKILL)
    return "was killed by SIGKILL (not the master's)";
  if (is_unexpected(gone) && gone.death.by_signal) return "was " + describe(gone.death);
  if (is_unexpected(gone)) return "left by itself with " + describe(gone.death);
  if (stuck) return "was replaced because a request ran past request_timeout";
  if (gone.retire != 0) return "was replaced because of " + why_retired(gone.retire);
  if (gone.death.code != 0) return "left as asked, " + describe(gone.death);
  return "left as asked";
}

std::string quote(std::string_view rumour) {
  constexpr std::size_t kMost = 200;
  std::string text;
  append_escaped(text, rumour.substr(0, kMost));
  return text;
}

std::string while_running(const std::vector<LastRequest>& running) {
  constexpr std::size_t kMost = 4;
  std::string text;
  for (std::size_t i = 0; i < std::min(running.size(), kMost); ++i) {
    const LastRequest& last = running[i];
    text += i == 0 ? " while it ran " : " and ";
    text += last.request.empty() ? "a request that left no name" : quote(last.request);
    text += " for " + spell(last.age);
    if (!last.request_id.empty()) text += " (request " + quote(last.request_id) + ")";
  }
  if (running.size() > kMost)
    text += fmt::format(" and {} more", running.size() - kMost);
  return text;
}

}  // namespace

std::string name_worker(const News& news) {
  return fmt::format("worker {} (serial {}, pid {}, generation {})", news.slot,
                     news.serial, news.pid, news.generation);
}

std::string describe(const Death& death) {
  if (!death.by_signal) return fmt::format("exit status {}", death.code);
  return "killed by " + signal_name(death.code) +
         (death.core_dumped ? ", core dumped" : "");
}

bool is_unexpected(const News& gone) {
  if (gone.withdrawn && gone.struck_in == State::draining) return false;
  if (!gone.asked_to_go || gone.struck_in != State::vacant) return true;
  // Whoever stops a whole control group or terminal sends these to everybody in it.
  const int code = gone.death.code;
  return gone.death.by_signal && code != SIGTERM && code != SIGINT && code != SIGHUP;
}

std::string account_of_end(const News& gone, const std::vector<LastRequest>& running,
                           bool out_of_memory) {
  return name_worker(gone) + " " + how(gone, out_of_memory) + " after " +
         spell(gone.age) + while_running(running);
}

std::string obituary(const News& gone, const std::vector<LastRequest>& running,
                     bool out_of_memory) {
  std::string text = account_of_end(gone, running, out_of_memory);
  if (gone.pause > Clock::duration::zero())
    text += "; next try in " + spell(gone.pause);
  if (is_out_of_memory(gone, out_of_memory))
    text += "; max_memory would replace it before that";
  return text;
}

}  // namespace monodon::master
