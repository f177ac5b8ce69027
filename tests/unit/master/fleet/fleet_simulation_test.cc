// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <random>
#include <utility>

#include "master/fleet/fleet.h"
#include "tests/support/cpp/toy_system.h"

using namespace monodon;
using namespace monodon::testing;
using namespace std::chrono_literals;

namespace {

// What is true of a generation, decided when it is proposed.
struct Nature {
  bool import_fails = false;
  bool import_hangs = false;
  bool workers_die_at_boot = false;
  bool health_check_fails = false;
  bool health_check_hangs = false;
  bool workers_die_at_work = false;  // at their first request
  unsigned rehearsal_fails = 0;      // of a hundred requests
  bool leaves_threads = false;       // its import: a zygote gives it up
  bool workers_die_later = false;    // likewise, once it is committed
  bool slow_to_boot = false;
};

// What happened in all worlds, so that nothing is thought to be tried and is not.
struct Tried {
  unsigned fallbacks = 0, given_up = 0, refused_in_rehearsal = 0;
  // By the step of the reload, and whether they were of the new code.
  std::array<std::array<unsigned, 2>, kReloadSteps> zygote_deaths{}, worker_deaths{};
};

// A world with a seed: zygotes and workers crash, hang, dawdle and lie, new code is
// broken, operators change their minds, and after every single event the promises of
// the planner are checked. In a calm world only new code and operators are to blame: so
// there, at no moment are fewer workers there than promised.
class World {
 public:
  World(unsigned seed, Tried& tried)
      : dice_{seed}, seed_{seed}, calm_{seed % 3 == 0}, tried_{tried} {
    settings_.workers = 1 + roll(6);
    settings_.max_surge = roll(3);
    settings_.max_unavailable = roll(3);
    settings_.boot_timeout = 5s;
    settings_.check_health = chance(50);
    settings_.health_check_timeout = 2s;
    settings_.graceful_timeout = 10s;
    if (settings_.max_surge + settings_.max_unavailable == 0) settings_.max_surge = 1;
  }

  void live(int turns) {
    propose(true);
    for (int i = 0; i < turns; ++i) {
      turn(true);
      toy_.system.clock += std::chrono::milliseconds{roll(500)};
    }
  }

  // No more faults; one good generation. Everything must come right.
  bool comes_right() {
    constexpr int kTurns = 5000;
    std::uint32_t proposed = 0;
    for (int i = 0; i < kTurns; ++i) {
      if (proposed == 0 && !toy_.fleet.busy()) {
        propose(true);
        proposed = toy_.fleet.reload().generation;
      }
      turn(false);
      if (proposed != 0 && !toy_.fleet.busy() && right())
        return toy_.fleet.generation() == proposed;
      advance();
    }
    return false;
  }

  [[nodiscard]] const std::string& last_reason() const { return last_reason_; }

  bool stops() {
    toy_.fleet.stop(chance(30));
    for (int i = 0; i < 2000; ++i) {
      turn(false);
      if (toy_.fleet.empty()) return toy_.system.beings.empty();
      advance();
    }
    return false;
  }

 private:
  unsigned roll(unsigned n) { return static_cast<unsigned>(dice_() % n); }
  bool chance(unsigned percent) { return roll(100) < percent; }

  // Asked millions of times, so not one of Catch's.
  void promise(bool kept, const char* what) const {
    if (!kept) FAIL("broken: " << what << "; seed " << seed_);
  }

  void advance() {
    const auto next = toy_.fleet.next_wakeup();
    auto& clock = toy_.system.clock;
    clock = std::max(clock + 1ms, std::min(next, clock + 200ms));
  }

  bool right() {
    const auto& fleet = toy_.fleet;
    return fleet.pool().took_over() && fleet.pool().serving() == fleet.workers() &&
           fleet.nursery().children().size() == (fleet.last().parked() ? 2 : 1);
  }

  void propose(bool good) {
    if (toy_.fleet.busy() || toy_.fleet.stopping()) return;
    PoolSettings settings = settings_;
    settings.workers = 1 + roll(6);
    if (!good && chance(5)) toy_.system.fail_next_zygote = EAGAIN;
    const Clock::duration observe = chance(30) ? 2s : 0s;
    const Clock::duration fallback = chance(60) ? std::chrono::seconds{roll(60)} : 0s;
    const std::size_t rehearse = roll(3);
    const auto generation =
        toy_.fleet.propose({{}, settings, observe, fallback, rehearse, 5s});
    Nature nature;
    if (!good) {
      nature.import_fails = chance(20);
      nature.import_hangs = chance(10);
      nature.workers_die_at_boot = chance(20);
      nature.health_check_fails = settings_.check_health && chance(10);
      nature.health_check_hangs = settings_.check_health && chance(10);
      nature.rehearsal_fails = chance(30) ? 50 * (1 + roll(2)) : 0;
      nature.workers_die_at_work = !calm_ && chance(20);
      nature.workers_die_later = !calm_ && chance(50);
    }
    nature.slow_to_boot = !good && chance(20);
    nature.leaves_threads = chance(20);
    natures_[generation] = nature;
    tick();
  }

  // Carries out decisions and checks the promises.
  void tick() {
    Pool& pool = toy_.fleet.pool();
    const auto alive = [&] {
      const auto& s = pool.slots();
      return static_cast<std::size_t>(std::count_if(
          s.begin(), s.end(), [](const auto& x) { return occupied(x.view.state); }));
    };
    std::vector<std::uint32_t> served;
    for (const auto& slot : pool.slots())
      served.push_back(slot.view.state == State::serving ? slot.process.serial : 0);
    const std::size_t before = alive();
    const std::size_t budget = pool.settings().workers + pool.settings().max_surge;
    const auto floor = [&] {
      const auto& s = pool.settings();
      return s.workers - std::min(s.workers, s.max_unavailable);
    };
    const std::size_t floor_before = floor();

    toy_.fleet.tick();

    bool drained = false;
    for (std::size_t i = 0; i < served.size(); ++i)
      drained |= served[i] != 0 && pool.slots()[i].view.state == State::draining;
    const auto& s = pool.settings();
    // What was started a moment before a roll back was within the budget of then.
    std::size_t most = std::max(budget, s.workers + s.max_surge);
    if (toy_.fleet.reload().step == ReloadStep::restoring) {
      const PoolSettings& given_up = toy_.fleet.reload().goal;
      most = std::max(most, given_up.workers + given_up.max_surge);
    }
    promise(alive() <= std::max(before, most), "no more than max_surge too many");
    if (drained && !toy_.fleet.stopping())
      // Who left a moment before a roll back was not needed then.
      promise(pool.serving() >= std::min(floor_before, floor()),
              "nobody leaves before enough others serve");
    for (const News& news : toy_.fleet.take_worker_news())
      promise(news.kind != News::Kind::bug, "no bug");
    (void)toy_.fleet.take_zygote_news();
    bool failed = false;
    for (const FleetNews& news : toy_.fleet.take_news()) failed |= check(news);
    promise(!failed || toy_.fleet.generation() == committed_,
            "the last good code stays");
    if (calm_) check_floor();
  }

  // What was committed stays until something else is; a roll back leads to it. Returns
  // whether new code has failed.
  bool check(const FleetNews& news) {
    using Kind = FleetNews::Kind;
    if (news.kind == Kind::committed)
      before_ = std::exchange(committed_, news.generation);
    if (news.kind == Kind::fell_back) {
      promise(before_ != 0, "there is one way back from one commit");
      committed_ = std::exchange(before_, 0);
      ++tried_.fallbacks;
    }
    if (news.kind == Kind::refused && news.reason.starts_with("GET ")) {
      promise(natures_[news.generation].rehearsal_fails > 0,
              "code that answers is not refused in its rehearsal");
      ++tried_.refused_in_rehearsal;
    }
    if (!news.reason.empty()) last_reason_ = news.reason;
    return news.kind == Kind::rolled_back || news.kind == Kind::refused ||
           news.kind == Kind::fell_back;
  }

  void check_floor() {
    const Pool& pool = toy_.fleet.pool();
    const auto& s = pool.settings();
    const std::size_t floor = s.workers - std::min(s.workers, s.max_unavailable);
    if (floor > floor_ || toy_.fleet.stopping()) reached_ = false;
    floor_ = floor;
    const bool enough = pool.serving() >= floor;
    promise(enough || !reached_, "never fewer than promised");
    reached_ = enough && !toy_.fleet.stopping();
  }

  void turn(bool chaos) {
    std::vector<int> pids;
    for (const auto& [pid, being] : toy_.system.beings) pids.push_back(pid);
    std::shuffle(pids.begin(), pids.end(), dice_);
    for (const int pid : pids) {
      const auto being = toy_.system.beings.find(pid);
      if (being == toy_.system.beings.end()) continue;
      if (being->second.serial == 0)
        zygote_acts(being->second, chaos);
      else
        worker_acts(being->second, chaos);
      tick();
    }
    if (chaos) operators_act();
    tick();
  }

  void operators_act() {
    if (chance(5)) propose(chance(50));
    if (chance(5) && toy_.fleet.generation() != 0) toy_.fleet.set_workers(1 + roll(6));
    if (chance(5)) toy_.system.short_of_memory = chance(10);
    if (chance(1)) toy_.fleet.forget_way_back();
    if (chance(5)) toy_.system.fail_next_order = EMFILE;
    if (chance(5)) toy_.system.fail_next_tell = EAGAIN;
  }

  void zygote_acts(ToySystem::Being& z, bool chaos) {
    chaos = chaos && !calm_;
    const Nature nature = natures_[z.generation];
    auto& nursery = toy_.fleet.nursery();
    if (z.killed || (chaos && chance(1))) toy_.system.die(z, {true, false, 9});
    if (z.told_to_go && chance(60)) toy_.system.die(z, {});
    if (z.dead) {
      const auto generation = z.generation;
      note(tried_.zygote_deaths, z);
      if (chance(70)) nursery.on_hung_up(generation);
      nursery.on_pidfd(generation);  // z is gone now
      return;
    }
    if (!z.loaded) {
      if (nature.import_hangs || chance(60)) return;
      if (nature.import_fails) {
        toy_.zygote_says(z.generation, wire::Kind::load_failed, 3);
        toy_.system.die(z, {false, false, 3});
        return;
      }
      if (nature.leaves_threads && z.preloads) {
        toy_.zygote_says(z.generation, wire::Kind::shared_state, 0, "thread 'a'");
        ++tried_.given_up;
        toy_.system.die(z, {});
        return;
      }
      z.loaded = true;
      toy_.zygote_says(z.generation, wire::Kind::loaded, z.preloads ? 1 : -1);
      return;
    }
    if (!z.rehearses.empty() && chance(50)) rehearse(z, nature, chaos);
    while (!z.orders.empty() && chance(80)) {
      wire::Frame answer = z.orders.front();
      z.orders.pop_front();
      if (chaos && chance(3)) continue;  // never answers: its deadline must
      const bool fails = chaos && chance(5);
      answer.kind = fails ? wire::Kind::fork_failed : wire::Kind::forked;
      answer.value = fails ? EAGAIN : toy_.system.fork_for(answer).pid;
      nursery.on_message(answer.generation, {answer, {}, {}});
    }
  }

  void rehearse(ToySystem::Being& z, const Nature& nature, bool chaos) {
    using Ending = worker::Rehearsed::Ending;
    std::vector<worker::Rehearsed> all;
    for (const std::string& target : std::exchange(z.rehearses, {})) {
      const Ending ending = chaos && chance(20)              ? Ending::unfinished
                            : chance(nature.rehearsal_fails) ? Ending::failed
                                                             : Ending::answered;
      all.push_back({target, ending, {}});
    }
    if (chaos && chance(5)) return;  // no word
    toy_.zygote_says(z.generation, wire::Kind::rehearsed, 0, worker::to_json(all));
  }

  void note(std::array<std::array<unsigned, 2>, kReloadSteps>& deaths,
            const ToySystem::Being& one) {
    if (one.told_to_go) return;
    const auto& fleet = toy_.fleet;
    const bool parked = fleet.last().parked() && !fleet.reload().open();
    const Transaction& of = parked ? fleet.last() : fleet.reload();
    ++deaths[static_cast<std::size_t>(of.step)][one.generation == of.generation];
  }

  void say(const ToySystem::Being& w, wire::Kind kind) {
    toy_.fleet.pool().on_message(
        w.slot, w.serial,
        {{.kind = kind, .slot = w.slot, .serial = w.serial, .generation = w.generation},
         {},
         {}});
  }

  void worker_acts(ToySystem::Being& w, bool chaos) {
    const bool troubled = chaos;
    chaos = chaos && !calm_;
    const Nature nature = natures_[w.generation];
    if (!w.dead) {
      if (w.killed && chance(90)) toy_.system.die(w, {true, false, 9});
      if (!w.ready && nature.workers_die_at_boot) toy_.system.die(w, {true, false, 11});
      if (w.ready && nature.workers_die_at_work && chance(20))
        toy_.system.die(w, {true, false, 11});
      if (w.ready && nature.workers_die_later && committed_ == w.generation) {
        w.busy = chance(80);
        toy_.system.die(w, {true, false, 11, 0, chance(5)});
      }
      if (chaos && chance(1)) toy_.system.die(w, {true, true, 11});
      if (w.told_to_go && !w.stubborn && chance(40)) toy_.system.die(w, {});
      if (chaos && chance(1)) w.stubborn = true;
    }
    if (w.dead) {
      const auto copy = w;
      note(tried_.worker_deaths, w);
      if (chance(50)) toy_.fleet.pool().on_hung_up(w.slot, w.serial);
      if (chance(80)) toy_.fleet.pool().on_pidfd(w.slot, w.serial);
      if (!calm_ && chance(10)) say(copy, wire::Kind::ready);  // it outlived its sender
      return;
    }
    if (chance(10)) w.busy = !w.busy;
    if (w.stubborn && !w.ready) return;  // hangs at boot
    if (!w.ready && chance(nature.slow_to_boot ? 5 : 50)) {
      if (w.checks_health && !w.dead) say(w, wire::Kind::checking);
      if (w.checks_health && nature.health_check_hangs) return;
      if (w.checks_health && nature.health_check_fails) {
        say(w, wire::Kind::boot_failed);
        toy_.system.die(w, {false, false, 1});
        return;
      }
      w.ready = true;
      say(w, wire::Kind::ready);
    }
    if (w.ready && troubled && chance(2)) say(w, wire::Kind::retire);
    if (w.ready && troubled && chance(2)) say(w, wire::Kind::stuck);
    if (chaos && chance(1)) toy_.fleet.pool().on_hung_up(w.slot, w.serial);
  }

  std::mt19937 dice_;
  unsigned seed_;
  bool calm_;
  Tried& tried_;
  std::uint32_t committed_ = 0;
  std::uint32_t before_ = 0;  // what a fall back leads to
  std::string last_reason_;
  std::size_t floor_ = 0;
  bool reached_ = false;
  PoolSettings settings_;
  ToyFleet toy_;
  std::map<std::uint32_t, Nature> natures_;
};

}  // namespace

TEST_CASE("whatever happens, the fleet keeps its promises, recovers and stops",
          "[fleet][simulation]") {
  Tried tried;
  for (unsigned seed = 0; seed < 10'000; ++seed) {
    INFO("seed " << seed);
    World world{seed, tried};
    world.live(60);
    const bool right = world.comes_right();
    INFO("the last reload that failed: " << world.last_reason());
    REQUIRE(right);
    REQUIRE(world.stops());
  }
  CHECK(tried.fallbacks > 100);
  CHECK(tried.given_up > 1'000);
  CHECK(tried.refused_in_rehearsal > 100);
  for (std::size_t step = 0; step < kReloadSteps; ++step) {
    INFO(name_of(static_cast<ReloadStep>(step)));
    // Nobody is of new code before there is any, nor works for it before its canary.
    const bool works = step >= static_cast<std::size_t>(ReloadStep::canary);
    CHECK(tried.zygote_deaths[step][0] > 20);
    CHECK(tried.worker_deaths[step][0] > 20);
    CHECK((step == 0 || tried.zygote_deaths[step][1] > 20));
    CHECK((!works || tried.worker_deaths[step][1] > 20));
  }
}
