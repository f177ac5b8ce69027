// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace monodon::worker {

// Whether a thread moves, as far as others can see: it counts its steps, and says when
// it need not take any (it waits for events or to be promoted, or runs the application,
// which has a deadline of its own).
//
// Looks are counted, not time: after a suspend of the machine or a frozen cgroup, the
// clock alone would condemn everybody. The keeper looks once a second at most.
class Liveness {
 public:
  static constexpr unsigned kLooks = 5;  // in vain, until a thread counts as hanging

  // What one look found.
  struct Look {
    bool excused = false;
    std::uint64_t steps = 0;
    std::uint64_t cpu_ns = 0;  // used by the thread up to now; only read on suspicion
    bool runnable = false;     // it runs, or waits for a processor; likewise
  };

  // Whether the present look needs cpu_ns and runnable: something was in vain already.
  [[nodiscard]] bool suspects(bool excused, std::uint64_t steps) const noexcept {
    return !excused && steps == steps_;
  }
  // One look. True: it hangs. A thread that is runnable and gets no processor time is
  // not to blame; one that spins is.
  bool hangs(const Look& look) noexcept {
    if (!suspects(look.excused, look.steps)) {
      steps_ = look.steps;
      in_vain_ = 0;
      return false;
    }
    if (in_vain_ == 0) cpu_ns_ = look.cpu_ns;
    if (in_vain_ < kLooks) ++in_vain_;
    if (in_vain_ < kLooks) return false;
    constexpr std::uint64_t kSpunNs = 4'000'000'000;
    return !look.runnable || look.cpu_ns - cpu_ns_ >= kSpunNs;
  }

 private:
  std::uint64_t steps_ = ~std::uint64_t{0};
  std::uint64_t cpu_ns_ = 0;  // at the first look in vain
  unsigned in_vain_ = 0;
};

}  // namespace monodon::worker
