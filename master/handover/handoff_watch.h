// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <list>
#include <map>

#include "base/clock.h"
#include "master/fleet/kernel.h"
#include "master/fleet/nursery.h"
#include "master/handover/estate.h"
#include "master/system/event_loop.h"

namespace monodon::master {

// Sees when a worker shuts the handoff pair down (shutdown(2) on its copy is for all
// who have one: it would be dead for the life of the service), says so, and puts a new
// pair in its place: under the same numbers of descriptors, in the store, and in each
// zygote, for the workers to come. Those that live take note by themselves
// (Loop::lose_handoff). Master only, in its loop.
class HandoffWatch {
 public:
  // `estate`: its descriptors are those that are watched, and replaced.
  HandoffWatch(Kernel& kernel, EventLoop& loop, const Estate& estate);

  // Zygotes of the master before us may have another pair than we.
  void tell_all() { ++pairs_; }

  // Once per turn of the loop.
  void tick(const std::list<Nursery::Child>& zygotes);
  [[nodiscard]] Clock::time_point next_wakeup() const;

 private:
  void watch();
  void replace();
  void tell(const std::list<Nursery::Child>& zygotes);

  Kernel& kernel_;
  EventLoop& loop_;
  const Estate& estate_;
  EventLoop::OnIo send_;
  EventLoop::OnIo receive_;
  bool broken_ = false;
  Clock::time_point replace_at_{};  // not more often than that
  Clock::time_point tell_at_ = Clock::time_point::max();
  unsigned pairs_ = 0;            // that zygotes must be told of
  std::map<int, unsigned> told_;  // by pid: of how many
};

}  // namespace monodon::master
