// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "master/nursery.h"
#include "master/pool.h"

namespace monodon::master {

// One generation, complete: what its zygote needs and how its workers are kept.
struct Proposal {
  ZygoteOrder order;
  PoolSettings pool;
};

// What became of a generation.
struct FleetNews {
  enum class Kind : std::uint8_t {
    committed,  // imported: its workers replace the older ones from now on
    refused,    // could not be imported: everything stays as it was
    rolled,     // every worker is of the newest generation, and serves
  };
  Kind kind{};
  std::uint32_t generation = 0;
  std::int64_t failure = 0;  // refused: a wire::LoadFailure, or 0
  std::string reason;        // refused: complete, traceback included
};

// Zygotes and workers together: generations come in, are imported by a zygote of their
// own, and only then become the goal of the pool. The first start is a reload from
// nothing. An old zygote goes when no slot holds a worker of its generation any more.
//
// No system call but through the Kernel, no timer, no event source: the caller passes
// events in, then calls tick() and reads the news. Single-threaded; master only.
class Fleet {
 public:
  explicit Fleet(Kernel& kernel);

  // Starts the zygote of a new generation and returns its number. Must not be called
  // while candidate() is set.
  std::uint32_t propose(Proposal proposal);
  // The generation that is being imported for the first time; 0: none.
  [[nodiscard]] std::uint32_t candidate() const { return candidate_; }
  // The generation that the pool is aimed at; 0: none yet.
  [[nodiscard]] std::uint32_t generation() const { return goal_.generation; }

  // Before anything else: goes on where a master before us was (master/adoption.h).
  struct Past {
    PoolSettings goal;
    std::vector<Pool::Slot> slots;
    std::uint32_t last_serial = 0;
    std::vector<Nursery::Child> zygotes;
  };
  void resume(Past past);
  // Nothing is under way that a successor could not go on with.
  [[nodiscard]] bool at_rest() const;

  void set_workers(std::size_t workers);
  [[nodiscard]] std::size_t workers() const { return goal_.workers; }
  void stop(bool quick);

  // Applies what happened. Call after every event, and at next_wakeup().
  void tick();
  [[nodiscard]] Clock::time_point next_wakeup() const;

  [[nodiscard]] Pool& pool() { return pool_; }
  [[nodiscard]] const Pool& pool() const { return pool_; }
  [[nodiscard]] Nursery& nursery() { return nursery_; }
  [[nodiscard]] const Nursery& nursery() const { return nursery_; }
  [[nodiscard]] bool stopping() const { return stopping_; }
  [[nodiscard]] bool empty() const { return pool_.empty() && nursery_.empty(); }

  [[nodiscard]] std::vector<News> take_worker_news();
  [[nodiscard]] std::vector<ZygoteNews> take_zygote_news();
  [[nodiscard]] std::vector<FleetNews> take_news();

 private:
  void heed(ZygoteNews& news);
  void commit();
  void refuse(std::int64_t failure, std::string reason);
  void dismiss_unused();

  Kernel& kernel_;
  Nursery nursery_;
  Pool pool_;
  PoolSettings goal_;
  PoolSettings candidate_goal_;
  std::uint32_t candidate_ = 0;
  std::uint32_t last_generation_ = 0;
  bool rolling_ = false;
  bool stopping_ = false;
  std::vector<News> worker_news_;
  std::vector<ZygoteNews> zygote_news_;
  std::vector<FleetNews> news_;
};

}  // namespace monodon::master
