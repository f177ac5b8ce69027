// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "master/fleet/learned.h"
#include "master/fleet/nursery.h"
#include "master/fleet/pool.h"
#include "master/fleet/transaction.h"

namespace monodon::master {

// One generation, complete: what its zygote needs and how its workers are kept.
struct Proposal {
  ZygoteOrder order;
  PoolSettings pool;
  Clock::duration observe{};   // how long the answers of its workers are compared
  Clock::duration fallback{};  // how long after that the code before it can come back
  std::size_t rehearse = 0;    // requests that the new code answers inside itself first
  Clock::duration rehearse_timeout{};
  bool tolerates_errors = false;  // more 5xx meanwhile are told only
};

// What became of a generation.
struct FleetNews {
  enum class Kind : std::uint8_t {
    imported,     // its first worker is being tried
    rehearsed,    // nothing against it; reason: what came of it, in one line
    doubtful,     // ... but for what in it somebody should look at: reason
    rolling,      // its first worker serves; the others follow
    observing,    // all serve; the old zygote lives on for `observe`
    committed,    // it has taken over for good
    refused,      // before anything has changed
    rolled_back,  // its workers are replaced by those of the generation before
    restored,     // ... which has happened
    worse,        // it answers more with 5xx than the code before, which is told only
    fell_back,    // the same as rolled_back, after it was committed
    no_way_back,  // the zygote of the code before ends; reason: why so early, or ""
  };
  Kind kind{};
  std::uint32_t generation = 0;
  std::int64_t failure = 0;  // refused: a wire::LoadFailure, or 0
  // refused, rolled_back, fell_back: complete, traceback included.
  std::string reason;
  std::uint32_t serial = 0;  // of the worker whose end was the reason; 0: none
  bool withdrawn = false;    // refused: by withdraw(), for a newer edit
};

// Zygotes and workers together, and the reload as a transaction
// (master/fleet/reload_state.h). The first start is a reload from nothing. An old
// zygote goes when no slot holds a worker of its generation any more and nothing can go
// back to it.
//
// No system call but through the Kernel, no timer, no event source: the caller passes
// events in, then calls tick() and reads the news. Single-threaded; master only.
class Fleet {
 public:
  explicit Fleet(Kernel& kernel);

  // Starts the zygote of a new generation and returns its number. Must not be called
  // while busy(). A roll back that is not complete yet is complete with this.
  std::uint32_t propose(Proposal proposal);
  // A reload is under way that may still be refused or rolled back.
  [[nodiscard]] bool busy() const { return reload_.open(); }
  [[nodiscard]] const Transaction& reload() const { return reload_; }
  // The reload that was committed last, while its way back is open: parked(), else
  // none.
  [[nodiscard]] const Transaction& last() const { return last_; }
  // Closes that way back, without a word: an upgrade hands over no zygote of it.
  void forget_way_back();
  // The generation that is being imported or tried; 0: none.
  [[nodiscard]] std::uint32_t candidate() const;
  // The generation that the pool is aimed at; 0: none yet.
  [[nodiscard]] std::uint32_t generation() const { return goal_.generation; }
  // That was proposed last, whatever became of it.
  [[nodiscard]] std::uint32_t last_generation() const { return last_generation_; }

  // Before anything else: goes on where a master before us was
  // (master/handover/testament.h).
  struct Past {
    PoolSettings goal;
    std::uint32_t last_generation = 0;  // that was ever proposed
    std::vector<Pool::Slot> slots;
    std::uint32_t last_serial = 0;
    std::vector<Nursery::Child> zygotes;
    std::string learned;  // LearnedImports, all of them good
  };
  void resume(Past past);
  // Nothing is under way that a successor could not go on with.
  [[nodiscard]] bool at_rest() const;

  // How the workers of the present generation are kept, from now on: all that needs no
  // new workers (numbers, budget, timeouts of the master).
  void adjust(const PoolSettings& settings);
  void set_workers(std::size_t workers);
  [[nodiscard]] std::size_t workers() const { return goal_.workers; }
  void stop(bool quick);
  // Refuses a reload of which no request has seen anything yet: its code is out of
  // date.
  void withdraw(std::string why);

  // Applies what happened. Call after every event, and at next_wakeup().
  void tick();
  [[nodiscard]] Clock::time_point next_wakeup() const;

  [[nodiscard]] Pool& pool() { return pool_; }
  [[nodiscard]] const Pool& pool() const { return pool_; }
  [[nodiscard]] Nursery& nursery() { return nursery_; }
  [[nodiscard]] const Nursery& nursery() const { return nursery_; }
  [[nodiscard]] const LearnedImports& learned() const { return learned_; }
  [[nodiscard]] bool stopping() const { return stopping_; }
  [[nodiscard]] bool empty() const { return pool_.empty() && nursery_.empty(); }

  [[nodiscard]] std::vector<News> take_worker_news();
  [[nodiscard]] std::vector<ZygoteNews> take_zygote_news();
  [[nodiscard]] std::vector<FleetNews> take_news();

 private:
  void take_pool_news();
  void remember_sightings(News& gone);
  void heed(ZygoteNews& news);
  void heed(News& news);
  void look_at_answers(Clock::time_point now);
  [[nodiscard]] std::string worse(const Transaction& of) const;  // how much; "": not
  void tell_worse(Transaction& of, std::string why);
  void watch_probation(Clock::time_point now);
  void note_end(const News& end);
  void conclude(Clock::time_point now);
  // The new code is no good: it is refused or rolled back, whichever it is time for.
  void fail(FleetNews because) {
    advance(reload_, ReloadEvent::failed, std::move(because));
  }
  // The only place that changes a step, and the only one that acts on it.
  void advance(Transaction& of, ReloadEvent on, FleetNews why = {});
  void perform(Transaction& of, ReloadEffect effect, ReloadStep before, FleetNews why);
  void rehearse(Transaction& of);
  void heed_rehearsal(const ZygoteNews& news);
  void end_rehearsal();
  [[nodiscard]] bool ask_to_rehearse(std::uint32_t generation,
                                     const std::vector<std::string>& targets);
  void roll(Transaction& of);
  void commit(Transaction& of);
  [[nodiscard]] bool cannot_come_back(std::uint32_t generation) const;
  void fall_back(Transaction& of, FleetNews why);
  void go_back(Transaction& of);
  void tell(FleetNews::Kind kind, std::uint32_t generation, FleetNews news = {});
  [[nodiscard]] Traffic traffic(std::uint32_t generation) const;
  void dismiss_unused();
  void learn(const News& news);
  void heed_imports(std::string_view good);
  void judge_imports(Clock::time_point now);

  Kernel& kernel_;
  Nursery nursery_;
  Pool pool_;
  PoolSettings goal_;
  Transaction reload_;
  Transaction last_;
  LearnedImports learned_;
  static constexpr Clock::duration kJudgeDelay = std::chrono::milliseconds{500};
  Clock::time_point judge_at_ = Clock::time_point::max();  // what is new among them
  Clock::time_point may_judge_at_{};
  Clock::duration judge_pause_ = std::chrono::seconds{1};
  bool judging_ = false;  // nothing of the present trial was heard yet
  std::uint32_t last_generation_ = 0;
  bool replan_ = false;
  bool stopping_ = false;
  std::vector<News> worker_news_;
  std::vector<ZygoteNews> zygote_news_;
  std::vector<Sighting>
      seen_before_;  // what pages of ended workers told, the last ones
  std::vector<FleetNews> news_;
};

}  // namespace monodon::master
