// SPDX-License-Identifier: Apache-2.0
// The rules of a reload: when it is refused, goes on, or is rolled back.
#include "master/fleet/fleet.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "master/fleet/obituary.h"

namespace monodon::master {

namespace {

using namespace std::chrono_literals;

// Before the first generation there is nothing to keep.
constexpr PoolSettings kNothing{.generation = 0, .workers = 0, .max_surge = 0};

// A trial forks, and imports what was not found good before: often at first, when much
// is new.
constexpr Clock::duration kShortestJudgePause = 1s;
constexpr Clock::duration kLongestJudgePause = 20s;
constexpr Clock::duration kLookPeriod = 500ms;  // at the answers of new workers
constexpr unsigned kFailedForks = 5;  // what is no fault of the code may pass by then

std::string account_of(const Death& death) {
  return death.out_of_memory ? "memory was short, and the kernel killed it"
                             : describe(death);
}

// What an import does to its own process leaves a stack there.
std::string where_it_was(const Death& death) {
  return death.by_signal && death.code == SIGKILL ? "" : "; the error log says where";
}

}  // namespace

Fleet::Fleet(Kernel& kernel)
    : kernel_{kernel}, nursery_{kernel}, pool_{kernel, kNothing}, goal_{kNothing} {}

std::uint32_t Fleet::candidate() const {
  return reload_.open() && !reload_.aimed() ? reload_.generation : 0;
}

std::uint32_t Fleet::propose(Proposal proposal) {
  const ReloadStep before = reload_.step;  // none, or a roll back that is not complete
  reload_ = {};
  reload_.step = before;
  reload_.generation = ++last_generation_;
  reload_.goal = proposal.pool;
  reload_.goal.generation = reload_.generation;
  // A health check of the operator's own says more.
  reload_.rehearse = proposal.pool.check_health ? 0 : proposal.rehearse;
  reload_.rehearse_timeout = proposal.rehearse_timeout;
  reload_.observe = proposal.observe;
  reload_.fallback = proposal.fallback;
  reload_.tolerates_errors = proposal.tolerates_errors;
  reload_.order = std::move(proposal.order);
  reload_.order.boot.generation = reload_.generation;
  // Who edits waits for the mend, with the cause in sight, rather than for a page of
  // 500.
  const bool edits =
      reload_.order.boot.settings.development && reload_.order.boot.settings.reload;
  reload_.order.boot.reload = reload_.goal.refuse_broken =
      goal_.generation != 0 || edits;
  reload_.order.boot.workers_before = static_cast<std::uint32_t>(goal_.workers);
  if (reload_.order.boot.settings.learned_imports != "off")
    reload_.order.boot.learned = learned_.for_next_zygote();
  advance(reload_, ReloadEvent::proposed);
  return reload_.generation;
}

void Fleet::adjust(const PoolSettings& settings) {
  // Also for the code before, should it come back.
  for (PoolSettings* of : {&goal_, &last_.previous}) {
    of->workers = settings.workers;
    of->max_surge = settings.max_surge;
    of->max_unavailable = settings.max_unavailable;
    of->boot_timeout = settings.boot_timeout;
    of->respawn = settings.respawn;
  }
  pool_.adjust(goal_);
}

void Fleet::resume(Past past) {
  goal_ = past.goal;
  goal_.check_health = false;  // its workers are good: they serve
  last_generation_ = std::max(goal_.generation, past.last_generation);
  pool_.aim(goal_);
  pool_.resume(std::move(past.slots), past.last_serial);
  (void)learned_.add(past.learned);
  learned_.judged(past.learned);
  for (Nursery::Child& child : past.zygotes) nursery_.adopt(std::move(child));
}

bool Fleet::at_rest() const {
  const auto& zygotes = nursery_.children();
  const bool imports = std::any_of(
      zygotes.begin(), zygotes.end(),
      [](const Nursery::Child& z) { return z.alive && z.wanted && !z.loaded; });
  return !stopping_ && goal_.generation != 0 && reload_.step == ReloadStep::none &&
         !imports && !pool_.awaits_fork() && !nursery_.awaits_hooks();
}

void Fleet::set_workers(std::size_t workers) {
  nursery_.tell_workers(goal_.generation, workers, goal_.workers);
  goal_.workers = last_.previous.workers = workers;
  pool_.set_workers(workers);
}

void Fleet::withdraw(std::string why) {
  if (goal_.generation == 0 || !reload_.open() || reload_.aimed()) return;
  pool_.withdraw(reload_.generation);
  advance(reload_, ReloadEvent::failed, {.reason = std::move(why), .withdrawn = true});
}

void Fleet::stop(bool quick) {
  stopping_ = true;
  advance(reload_, ReloadEvent::dropped);
  advance(last_, ReloadEvent::dropped);
  pool_.stop(quick);
}

void Fleet::tick() {
  nursery_.tick(pool_.serving() > 0 ? goal_.generation : 0);
  for (ZygoteNews& news : nursery_.take_news()) {
    heed(news);
    if (news.kind != ZygoteNews::Kind::answer) zygote_news_.push_back(std::move(news));
  }
  const Clock::time_point now = kernel_.now();
  take_pool_news();
  look_at_answers(now);
  watch_probation(now);
  // What the pool finds out itself may end the transaction, and with it the plan.
  do {
    replan_ = false;
    pool_.tick(nursery_.ready(goal_.generation), nursery_.ready(candidate()));
    take_pool_news();
    watch_probation(now);
  } while (replan_);
  conclude(now);
  judge_imports(now);
  dismiss_unused();
}

// Of the code that serves: a candidate's workers import what is in no way proven.
void Fleet::learn(const News& news) {
  if (news.generation != goal_.generation || !learned_.add(news.text)) return;
  judge_at_ = std::min(judge_at_, std::max(kernel_.now() + kJudgeDelay, may_judge_at_));
}

// The first answer of a trial is the end of the one before: code may have changed.
void Fleet::heed_imports(std::string_view good) {
  if (std::exchange(judging_, false)) learned_.judge_anew();
  learned_.judged(good);
  if (good.empty() || !nursery_.in_memory(goal_.generation)) return;
  nursery_.import_early(goal_.generation, good);
  pool_.import_early(goal_.generation, good);
}

void Fleet::judge_imports(Clock::time_point now) {
  if (now < judge_at_ || stopping_) return;
  judge_at_ = kNever;
  judging_ = true;
  const bool long_ago = now - may_judge_at_ >= kLongestJudgePause;
  judge_pause_ =
      long_ago ? kShortestJudgePause : std::min(2 * judge_pause_, kLongestJudgePause);
  may_judge_at_ = now + judge_pause_;
  nursery_.judge_imports(goal_.generation, learned_.to_judge());
}

void Fleet::take_pool_news() {
  for (News& news : pool_.take_news()) {
    if (news.kind == News::Kind::zygote_silent) nursery_.condemn(news.generation);
    if (news.kind == News::Kind::gone) {
      nursery_.tell_end(news.generation, news.slot, news.serial, news.pid);
      remember_sightings(news);
    }
    if (news.kind == News::Kind::learned) learn(news);
    heed(news);
    worker_news_.push_back(std::move(news));
  }
}

void Fleet::heed(ZygoteNews& news) {
  const bool imports =
      reload_.step == ReloadStep::importing && news.generation == reload_.generation;
  const bool tried = reload_.open() && news.generation == reload_.generation;
  const bool again =
      news.loaded_before && last_.parked() && news.generation == last_.generation;
  switch (news.kind) {
    case ZygoteNews::Kind::loaded:
      if (imports)
        advance(reload_,
                goal_.generation == 0 ? ReloadEvent::first : ReloadEvent::imported);
      break;
    case ZygoteNews::Kind::load_failed:
      if (imports) fail({.failure = news.value, .reason = news.text});
      if (again) last_.probation.heed_zygote(news.text);
      break;
    case ZygoteNews::Kind::not_started:
      if (imports) fail({.reason = news.text});
      if (again) last_.probation.heed_zygote(news.text);
      break;
    case ZygoteNews::Kind::overdue:
      if (imports && !news.again) fail({.reason = std::string{Nursery::kSlowImport}});
      break;
    case ZygoteNews::Kind::gone:
      pool_.on_zygote_gone(news.generation);
      if (news.again) break;
      if (imports)
        fail({.reason = "the process that imported the application ended: " +
                        account_of(news.death) + where_it_was(news.death)});
      else if (tried)
        fail({.reason =
                  "the zygote of the new generation ended: " + account_of(news.death)});
      else if (reload_.step == ReloadStep::rehearsing &&
               news.generation == reload_.asked)
        end_rehearsal();
      // Another one would import what is on the disk by now.
      if (last_.parked() && news.generation == last_.previous.generation)
        advance(last_, ReloadEvent::expired, {.reason = "its zygote ended"});
      break;
    case ZygoteNews::Kind::rehearsed:
      heed_rehearsal(news);
      break;
    case ZygoteNews::Kind::answer:
      pool_.on_zygote_message(news.message, news.pid);
      break;
    case ZygoteNews::Kind::importable:
      if (news.generation == goal_.generation) heed_imports(news.text);
      break;
    case ZygoteNews::Kind::started:
    case ZygoteNews::Kind::warning:
    case ZygoteNews::Kind::shared_state:
    case ZygoteNews::Kind::broken:
    case ZygoteNews::Kind::silent:
      break;
  }
}

void Fleet::heed(News& news) {
  if (last_.parked() && news.generation == last_.generation) note_end(news);
  if (!reload_.open() || news.generation != reload_.generation) return;
  // All have started by then: the old code would have no more memory.
  if (news.out_of_memory && reload_.step == ReloadStep::observing) return;
  if (news.kind == News::Kind::ready) {
    advance(reload_, ReloadEvent::served);
  } else if (news.kind == News::Kind::not_forked) {
    if (++reload_.failed_forks >= kFailedForks)
      fail({.reason = "no worker could be forked: " + news.text});
  } else if (std::string reason = failure_in(news); !reason.empty()) {
    const bool told = news.kind == News::Kind::boot_failed;
    news.refuses = told && goal_.generation != 0;
    fail({.failure = told ? news.value : 0,
          .reason = std::move(reason),
          .serial = news.kind == News::Kind::gone ? news.serial : 0});
  }
}

void Fleet::look_at_answers(Clock::time_point now) {
  if (!reload_.aimed() || now < reload_.look_at) return;
  reload_.look_at = now + kLookPeriod;
  if (std::string why = worse(reload_); why.empty())
    return;
  else if (!reload_.tolerates_errors)
    fail({.reason = std::move(why)});
  else
    tell_worse(reload_, std::move(why));
}

void Fleet::conclude(Clock::time_point now) {
  if (stopping_ || reload_.step == ReloadStep::none) return;
  const bool watched = reload_.step == ReloadStep::observing;
  if (!watched && pool_.took_over()) advance(reload_, ReloadEvent::spread);
  // Whoever is missing now is being recycled: the old ones have left long ago.
  if (now < reload_.until) return;
  if (reload_.step == ReloadStep::rehearsing)
    tell(FleetNews::Kind::rehearsed, reload_.generation,
         {.reason = reload_.rehearsals.account()});
  advance(reload_, ReloadEvent::expired);
}

Traffic Fleet::traffic(std::uint32_t generation) const {
  Traffic sum;
  for (const Pool::Slot& slot : pool_.slots()) {
    if (!occupied(slot.view.state) || slot.view.generation != generation) continue;
    const Traffic one = kernel_.listen(slot.process, slot.threads).traffic;
    sum.answers += one.answers;
    sum.errors += one.errors;
  }
  return sum;
}

void Fleet::dismiss_unused() {
  // A zygote that owes an answer stays: its worker would otherwise be nobody's.
  if (stopping_ && !pool_.awaits_fork()) {
    // It cleans up what its workers use.
    for (const Nursery::Child& child : nursery_.children())
      if (!pool_.uses(child.generation))
        nursery_.dismiss(child.generation, child.generation == goal_.generation);
    return;
  }
  for (const Nursery::Child& child : nursery_.children()) {
    const std::uint32_t g = child.generation;
    const bool way_back = (reload_.aimed() && g == reload_.previous.generation) ||
                          (last_.parked() && g == last_.previous.generation);
    if (g != goal_.generation && g != candidate() && !way_back && !pool_.uses(g))
      nursery_.dismiss(g);
  }
}

Clock::time_point Fleet::next_wakeup() const {
  auto next = std::min(pool_.next_wakeup(), nursery_.next_wakeup());
  // A server that stops decides nothing about its code any more. A moment that is past
  // and that nobody moves on would be a timer that never rests, and starves what ranks
  // below.
  if (stopping_) return next;
  next = std::min(next, judge_at_);
  for (const Transaction* of : {&reload_, &last_})
    next = std::min({next, of->until, of->look_at});
  return next;
}

std::vector<News> Fleet::take_worker_news() {
  return std::exchange(worker_news_, {});
}

std::vector<ZygoteNews> Fleet::take_zygote_news() {
  return std::exchange(zygote_news_, {});
}

std::vector<FleetNews> Fleet::take_news() {
  return std::exchange(news_, {});
}

}  // namespace monodon::master
