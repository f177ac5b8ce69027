// SPDX-License-Identifier: Apache-2.0
#include "master/fleet.h"

#include <algorithm>
#include <utility>

namespace monodon::master {

namespace {

// Before the first generation there is nothing to keep.
constexpr PoolSettings kNothing{.generation = 0, .workers = 0, .max_surge = 0};

}  // namespace

Fleet::Fleet(Kernel& kernel)
    : kernel_{kernel}, nursery_{kernel}, pool_{kernel, kNothing}, goal_{kNothing} {}

std::uint32_t Fleet::propose(Proposal proposal) {
  candidate_ = ++last_generation_;
  candidate_goal_ = proposal.pool;
  candidate_goal_.generation = candidate_;
  proposal.order.boot.generation = candidate_;
  nursery_.start(candidate_, std::move(proposal.order), proposal.pool.boot_timeout,
                 proposal.pool.respawn);
  return candidate_;
}

void Fleet::resume(Past past) {
  goal_ = past.goal;
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
  return !stopping_ && goal_.generation != 0 && !(candidate_ != 0) && !imports &&
         !pool_.awaits_fork();
}

void Fleet::set_workers(std::size_t workers) {
  goal_.workers = workers;
  pool_.set_workers(workers);
  rolling_ = true;
}

void Fleet::stop(bool quick) {
  stopping_ = true;
  if (candidate_ != 0) nursery_.dismiss(std::exchange(candidate_, 0));
  pool_.stop(quick);
}

void Fleet::tick() {
  nursery_.tick();
  for (ZygoteNews& news : nursery_.take_news()) {
    heed(news);
    if (news.kind != ZygoteNews::Kind::answer) zygote_news_.push_back(std::move(news));
  }
  pool_.tick(nursery_.ready(goal_.generation));
  for (News& news : pool_.take_news()) {
    if (news.kind == News::Kind::zygote_silent) nursery_.condemn(news.generation);
    worker_news_.push_back(std::move(news));
  }
  dismiss_unused();
  if (rolling_ && !stopping_ && pool_.settled()) {
    rolling_ = false;
    news_.push_back({.kind = FleetNews::Kind::rolled, .generation = goal_.generation});
  }
}

void Fleet::heed(ZygoteNews& news) {
  const bool is_candidate = candidate_ != 0 && news.generation == candidate_;
  switch (news.kind) {
    case ZygoteNews::Kind::loaded:
      if (is_candidate) commit();
      break;
    case ZygoteNews::Kind::load_failed:
      if (is_candidate) refuse(news.value, news.text);
      break;
    case ZygoteNews::Kind::not_started:
      if (is_candidate) refuse(0, news.text);
      break;
    case ZygoteNews::Kind::overdue:
      if (is_candidate) refuse(0, "the import took longer than boot_timeout");
      break;
    case ZygoteNews::Kind::gone:
      pool_.on_zygote_gone(news.generation);
      if (is_candidate) refuse(0, "the zygote ended while it imported the application");
      break;
    case ZygoteNews::Kind::answer:
      pool_.on_zygote_message(news.message);
      break;
    case ZygoteNews::Kind::started:
    case ZygoteNews::Kind::warning:
      break;
  }
}

void Fleet::commit() {
  goal_ = candidate_goal_;
  candidate_ = 0;
  rolling_ = true;
  pool_.aim(goal_);
  news_.push_back({.kind = FleetNews::Kind::committed, .generation = goal_.generation});
}

void Fleet::refuse(std::int64_t failure, std::string reason) {
  const std::uint32_t generation = std::exchange(candidate_, 0);
  nursery_.dismiss(generation);
  news_.push_back({FleetNews::Kind::refused, generation, failure, std::move(reason)});
}

void Fleet::dismiss_unused() {
  // A zygote that owes an answer stays: its worker would otherwise be nobody's.
  if (stopping_ && !pool_.awaits_fork()) {
    nursery_.dismiss_all();
    return;
  }
  for (const Nursery::Child& child : nursery_.children()) {
    const bool goal = child.generation == goal_.generation;
    const bool candidate = child.generation == candidate_;
    if (!goal && !candidate && !pool_.uses(child.generation))
      nursery_.dismiss(child.generation);
  }
}

Clock::time_point Fleet::next_wakeup() const {
  return std::min(pool_.next_wakeup(), nursery_.next_wakeup());
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
