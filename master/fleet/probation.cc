// SPDX-License-Identifier: Apache-2.0
// What a new generation has to show before it is believed.
#include "master/fleet/probation.h"

#include <signal.h>

#include <algorithm>
#include <array>

#include "master/fleet/obituary.h"

namespace monodon::master {

namespace {

// Fewer could be one request that is sent again by its client.
constexpr std::uint64_t kDeathsInRequests = 3;
constexpr std::uint64_t kProof = 10;  // answers of one worker
// Each slot fails twice: all workers that somebody kills at once are no fault of the
// code.
constexpr std::uint64_t kFailuresOfEach = 2;
constexpr std::uint64_t kFewestFailures = 3;

bool is_own_doing(const Death& death) {
  constexpr std::array kCrashes{SIGSEGV, SIGBUS, SIGABRT, SIGILL,
                                SIGFPE,  SIGSYS, SIGTRAP, SIGXCPU};
  return !death.by_signal || std::ranges::find(kCrashes, death.code) != kCrashes.end();
}

}  // namespace

std::uint64_t Probation::well_answered(const Traffic& traffic) {
  return traffic.answers - std::min(traffic.answers, traffic.errors);
}

void Probation::heed(const News& end, const Others& others,
                     Clock::duration healthy_after) {
  proven_ |= std::max(others.most_answers, well_answered(end.last.traffic)) >= kProof;
  if (end.kind != News::Kind::gone || end.out_of_memory) return;
  // Replaced since a request ran past its deadline: that request was its end.
  if (end.wear == Wear::stuck) {
    ++in_requests_;
    last_ = account_of_end(end, {}, false);
  }
  if (end.asked_to_go) return;
  const bool never_served =
      end.state == State::starting || end.struck_in == State::starting;
  if (others.oldest >= healthy_after) short_lives_ = 0;
  // A signal that is not its own doing came from somebody else: it speaks for one that
  // has answered well, and against none that ran no request.
  const bool killed = !never_served && !is_own_doing(end.death);
  if (killed && end.last.traffic.answers >= kProof)
    short_lives_ = 0;
  else if (never_served || (end.age < healthy_after && (!killed || end.last.busy)))
    ++short_lives_;
  if (!never_served && end.last.busy && end.wear != Wear::stuck) ++in_requests_;
  last_ = account_of_end(end, {}, false);
}

void Probation::heed_zygote(const std::string& why) {
  ++short_lives_;
  last_ = "its zygote cannot be started again: " + why;
}

std::string Probation::verdict(std::size_t wanted, bool serves) const {
  if (!proven_ && in_requests_ >= kDeathsInRequests)
    return std::to_string(in_requests_) +
           " workers died while they ran a request, before any had answered " +
           std::to_string(kProof) + "; the last: " + last_;
  const std::uint64_t most =
      std::max<std::uint64_t>(kFewestFailures, kFailuresOfEach * wanted);
  if (!serves && short_lives_ >= most)
    return "no worker can be kept serving, after " + std::to_string(short_lives_) +
           " failures in a row; the last: " + last_;
  return {};
}

}  // namespace monodon::master
