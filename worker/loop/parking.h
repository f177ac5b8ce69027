// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include "scoreboard/page.h"
#include "worker/loop/connection_pool.h"
#include "worker/loop/drain.h"
#include "worker/loop/event_set.h"
#include "worker/wire/heritage.h"

namespace monodon::worker {

class Keeper;

// What becomes of a connection while no request of it runs: it waits for its client, it
// goes on at once, it goes to another worker, or it ends. "Owner": of the connection
// given.
class Parking {
 public:
  // All of them outlive it; `events` is the leader's.
  Parking(const Heritage& heritage, EventSet& events, ConnectionPool& pool,
          const Drain& drain, scoreboard::WorkerHeader& header, Keeper& keeper);

  // Owner: waits for its client. False: something came meanwhile, still owned. `now`:
  // CLOCK_MONOTONIC, a moment ago.
  [[nodiscard]] bool park(Connection& c, std::uint64_t now);
  // Owner, the leader: has epoll tell of its client while a request is in the air, as
  // it does of one that is parked. False, and logged: it cannot.
  [[nodiscard]] bool watch(Connection& c);
  // Owner: closes it. `moved`: another worker has it now.
  void close(Connection& c, bool moved = false);
  // Owner: gives it to another worker. False: could not; still owned.
  [[nodiscard]] bool hand_over(Connection& c);
  // Owner, after the response went out entirely. `leading`: the caller is the leader.
  void next_or_close(Connection& c, bool keep_alive, bool leading, std::uint64_t now);
  // Any thread, owner: the leader goes on with it.
  void resume(Connection& c);

  // The leader, owner: goes on with it in its next round.
  void go_on(Connection& c) { ready_.push_back(&c); }
  // The leader: whether something can go on at once; how many, those that were resumed
  // included, or without them; the first of them, or null.
  [[nodiscard]] bool any() const noexcept { return !ready_.empty() || has_resumed_; }
  [[nodiscard]] std::size_t gather();
  [[nodiscard]] std::size_t ready() const noexcept { return ready_.size(); }
  [[nodiscard]] Connection* next();
  // Whoever leads: gives those that could go on at once to other workers, who can do so
  // sooner.
  void offer_ready();

  // Keeper, or whoever began the drain: the connections that wait for their clients go
  // to other workers, or end.
  void move_parked();
  // The keeper of a worker that drains: connections wait in the handoff pair, or come
  // from there right now, and nobody but us will take them.
  [[nodiscard]] bool last_resort() const noexcept;

  // Any thread. The pair is shared by all workers, and shutdown(2) by one of them,
  // whose application found it, is for all: its end would be reported without end. The
  // master sees it, too, and has another pair for the workers to come.
  void lose_handoff();

 private:
  void set_deadline(Connection& c, std::uint64_t now);
  void move(Connection& c, bool more);

  const Heritage& heritage_;
  const Settings& settings_;
  EventSet& events_;
  ConnectionPool& pool_;
  const Drain& drain_;
  scoreboard::WorkerHeader& header_;
  Keeper& keeper_;

  std::atomic<bool> handoff_lost_{false};
  std::deque<Connection*> ready_;  // the leader's
  std::mutex mutex_;
  std::vector<Connection*> resumed_;  // under mutex_
  std::atomic<bool> has_resumed_{false};
};

}  // namespace monodon::worker
