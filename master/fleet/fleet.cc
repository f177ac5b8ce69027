// SPDX-License-Identifier: Apache-2.0
#include "master/fleet/fleet.h"

#include <algorithm>
#include <utility>

namespace monodon::master {

namespace {

using namespace std::chrono_literals;

// Before the first generation there is nothing to keep.
constexpr PoolSettings kNothing{.generation = 0, .workers = 0, .max_surge = 0};

constexpr Clock::duration kLookPeriod = 500ms;  // at the answers of new workers
constexpr unsigned kFailedForks = 5;  // what is no fault of the code may pass by then

}  // namespace

Fleet::Fleet(Kernel& kernel)
    : kernel_{kernel}, nursery_{kernel}, pool_{kernel, kNothing}, goal_{kNothing} {}

std::uint32_t Fleet::candidate() const {
  return reload_.open() && !reload_.aimed() ? reload_.generation : 0;
}

std::uint32_t Fleet::propose(Proposal proposal) {
  reload_ = {};
  reload_.step = ReloadStep::importing;
  reload_.generation = ++last_generation_;
  reload_.goal = proposal.pool;
  reload_.goal.generation = reload_.generation;
  reload_.observe = proposal.observe;
  proposal.order.boot.generation = reload_.generation;
  proposal.order.boot.reload = reload_.goal.refuse_broken = goal_.generation != 0;
  nursery_.start(reload_.generation, std::move(proposal.order),
                 proposal.pool.boot_timeout, proposal.pool.respawn);
  return reload_.generation;
}

void Fleet::adjust(const PoolSettings& settings) {
  goal_.workers = settings.workers;
  goal_.max_surge = settings.max_surge;
  goal_.max_unavailable = settings.max_unavailable;
  goal_.boot_timeout = settings.boot_timeout;
  goal_.respawn = settings.respawn;
  pool_.adjust(goal_);
}

void Fleet::resume(Past past) {
  goal_ = past.goal;
  goal_.check_health = false;  // its workers are good: they serve
  last_generation_ = goal_.generation;
  pool_.aim(goal_);
  pool_.resume(std::move(past.slots), past.last_serial);
  for (Nursery::Child& child : past.zygotes) nursery_.adopt(std::move(child));
}

bool Fleet::at_rest() const {
  const auto& zygotes = nursery_.children();
  const bool imports = std::any_of(
      zygotes.begin(), zygotes.end(),
      [](const Nursery::Child& z) { return z.alive && z.wanted && !z.loaded; });
  return !stopping_ && goal_.generation != 0 && reload_.step == ReloadStep::none &&
         !imports && !pool_.awaits_fork();
}

void Fleet::set_workers(std::size_t workers) {
  goal_.workers = workers;
  pool_.set_workers(workers);
}

void Fleet::stop(bool quick) {
  stopping_ = true;
  if (reload_.step == ReloadStep::importing) nursery_.dismiss(reload_.generation);
  reload_ = {};
  pool_.end_trial();
  pool_.stop(quick);
}

void Fleet::tick() {
  nursery_.tick();
  for (ZygoteNews& news : nursery_.take_news()) {
    heed(news);
    if (news.kind != ZygoteNews::Kind::answer) zygote_news_.push_back(std::move(news));
  }
  const Clock::time_point now = kernel_.now();
  take_pool_news();
  look_at_answers(now);
  // What the pool finds out itself may end the transaction, and with it the plan.
  do {
    replan_ = false;
    pool_.tick(nursery_.ready(goal_.generation), nursery_.ready(candidate()));
    take_pool_news();
  } while (replan_);
  conclude(now);
  dismiss_unused();
}

void Fleet::take_pool_news() {
  for (News& news : pool_.take_news()) {
    if (news.kind == News::Kind::zygote_silent) nursery_.condemn(news.generation);
    if (news.kind == News::Kind::gone)
      nursery_.tell_end(news.generation, news.slot, news.serial, news.pid);
    heed(news);
    worker_news_.push_back(std::move(news));
  }
}

void Fleet::heed(ZygoteNews& news) {
  const bool imports =
      reload_.step == ReloadStep::importing && news.generation == reload_.generation;
  const bool tried = reload_.open() && news.generation == reload_.generation;
  switch (news.kind) {
    case ZygoteNews::Kind::loaded:
      if (imports) on_imported();
      break;
    case ZygoteNews::Kind::load_failed:
      if (imports) give_up({.failure = news.value, .reason = news.text});
      break;
    case ZygoteNews::Kind::not_started:
      if (imports) give_up({.reason = news.text});
      break;
    case ZygoteNews::Kind::overdue:
      if (imports) give_up({.reason = "the import took longer than boot_timeout"});
      break;
    case ZygoteNews::Kind::gone:
      pool_.on_zygote_gone(news.generation);
      if (imports)
        give_up({.reason = "the zygote ended while it imported the application"});
      else if (tried)
        give_up({.reason = "the zygote of the new generation ended"});
      break;
    case ZygoteNews::Kind::answer:
      pool_.on_zygote_message(news.message);
      break;
    case ZygoteNews::Kind::started:
    case ZygoteNews::Kind::warning:
    case ZygoteNews::Kind::broken:
      break;
  }
}

void Fleet::heed(const News& news) {
  if (!reload_.open() || news.generation != reload_.generation) return;
  if (news.kind == News::Kind::ready) {
    if (reload_.step == ReloadStep::canary) roll();
  } else if (news.kind == News::Kind::not_forked) {
    if (++reload_.failed_forks >= kFailedForks)
      give_up({.reason = "no worker could be forked: " + news.text});
  } else if (std::string reason = failure_in(news); !reason.empty()) {
    const bool told = news.kind == News::Kind::boot_failed;
    give_up({.failure = told ? news.value : 0,
             .reason = std::move(reason),
             .serial = news.kind == News::Kind::gone ? news.serial : 0});
  }
}

void Fleet::on_imported() {
  if (goal_.generation == 0) {
    goal_ = reload_.goal;
    goal_.check_health = false;  // there is no better code to go back to
    pool_.aim(goal_);
    commit();
    return;
  }
  reload_.step = ReloadStep::canary;
  pool_.begin_trial(reload_.goal);
  tell(FleetNews::Kind::imported);
}

void Fleet::roll() {
  reload_.step = ReloadStep::rolling;
  reload_.previous = goal_;
  reload_.before = traffic(goal_.generation);
  if (reload_.observe > Clock::duration::zero())
    reload_.look_at = kernel_.now() + kLookPeriod;
  goal_ = reload_.goal;
  pool_.aim(goal_);
  tell(FleetNews::Kind::rolling);
}

void Fleet::look_at_answers(Clock::time_point now) {
  if (!reload_.aimed() || now < reload_.look_at) return;
  reload_.look_at = now + kLookPeriod;
  const Traffic after = traffic(reload_.generation);
  if (!clearly_worse(reload_.before, after)) return;
  give_up({.reason = "the new workers answered " + std::to_string(after.errors) +
                     " of " + std::to_string(after.answers) +
                     " requests with 5xx, those before them " +
                     std::to_string(reload_.before.errors) + " of " +
                     std::to_string(reload_.before.answers)});
  replan_ = true;
}

void Fleet::conclude(Clock::time_point now) {
  if (stopping_ || reload_.step == ReloadStep::none) return;
  if (reload_.step == ReloadStep::observing) {
    // Whoever is missing now is being recycled: the old ones have left long ago.
    if (now >= reload_.observe_until) commit();
  } else if (!pool_.took_over()) {
    return;
  } else if (reload_.step == ReloadStep::restoring) {
    tell(FleetNews::Kind::restored);
    reload_ = {};
  } else if (reload_.step == ReloadStep::rolling && reload_.observe == 0s) {
    commit();
  } else if (reload_.step == ReloadStep::rolling) {
    reload_.step = ReloadStep::observing;
    reload_.observe_until = now + reload_.observe;
    tell(FleetNews::Kind::observing);
  }
}

void Fleet::commit() {
  tell(FleetNews::Kind::committed);
  reload_ = {};
  // From now on a worker replaces one that was good: what the health check depends on
  // may be down, and must not keep workers from starting.
  goal_.check_health = goal_.refuse_broken = false;
  pool_.adjust(goal_);
}

void Fleet::give_up(FleetNews because) {
  because.generation = reload_.generation;
  if (reload_.aimed()) {
    because.kind = FleetNews::Kind::rolled_back;
    goal_ = reload_.previous;
    pool_.aim(goal_);
    reload_.step = ReloadStep::restoring;
  } else {
    because.kind = FleetNews::Kind::refused;
    if (reload_.step == ReloadStep::importing) nursery_.dismiss(reload_.generation);
    pool_.end_trial();
    reload_ = {};
  }
  replan_ = true;
  news_.push_back(std::move(because));
}

void Fleet::tell(FleetNews::Kind kind) {
  news_.push_back({.kind = kind, .generation = reload_.generation});
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
    for (const Nursery::Child& child : nursery_.children())
      if (!Nursery::has_hooks(child) || !pool_.uses(child.generation))
        nursery_.dismiss(child.generation);
    return;
  }
  for (const Nursery::Child& child : nursery_.children()) {
    const std::uint32_t g = child.generation;
    const bool way_back = reload_.aimed() && g == reload_.previous.generation;
    if (g != goal_.generation && g != candidate() && !way_back && !pool_.uses(g))
      nursery_.dismiss(g);
  }
}

Clock::time_point Fleet::next_wakeup() const {
  auto next = std::min(pool_.next_wakeup(), nursery_.next_wakeup());
  if (reload_.aimed()) next = std::min(next, reload_.look_at);
  if (reload_.step == ReloadStep::observing)
    next = std::min(next, reload_.observe_until);
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
