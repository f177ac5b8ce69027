// SPDX-License-Identifier: Apache-2.0
// Zygotes, one for each generation: started, awaited, ended.
#include "master/fleet/nursery.h"

#include <algorithm>
#include <utility>

#include "base/text/text.h"
#include "master/fleet/obituary.h"

namespace monodon::master {

namespace {

using namespace std::chrono_literals;

constexpr Clock::duration kQuitPatience = 5s;
constexpr Clock::duration kHookPatience = 30s;  // a hook at the very end
constexpr Clock::duration kDeathPatience = 10s;
constexpr Clock::duration kStacksPatience = 250ms;  // to write them
constexpr unsigned kMostWarnings = 100;             // told of one process
constexpr std::size_t kMostLines = 32;              // of what an import has left
constexpr std::size_t kLongestLine = 500;

// At least one, since an empty list would mean that nothing was found.
std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  do {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, std::min(end, kLongestLine)));
    text.remove_prefix(std::min(end + 1, text.size()));
  } while (!text.empty() && lines.size() < kMostLines);
  return lines;
}

// One that had a say in this already imports nothing.
bool may_give_up(const Nursery::Child& child) {
  return !child.loaded && child.wanted && !child.again &&
         worker::preloads(child.order.boot);
}

}  // namespace

Nursery::Child* Nursery::find(std::uint32_t generation) {
  const auto found =
      std::find_if(children_.begin(), children_.end(),
                   [&](const Child& c) { return c.generation == generation; });
  return found == children_.end() ? nullptr : &*found;
}

const Nursery::Child* Nursery::find(std::uint32_t generation) const {
  return const_cast<Nursery*>(this)->find(generation);
}

ZygoteNews& Nursery::report(ZygoteNews::Kind kind, const Child& child) {
  ZygoteNews news;
  news.kind = kind;
  news.generation = child.generation;
  news.pid = child.process.pid;
  news.loaded_before = child.loaded_before;
  news.expected = child.expected_to_end || !child.wanted;
  news.again = child.again;
  news.age = kernel_.now() - child.asked_at;
  return news_.emplace_back(std::move(news));
}

void Nursery::start(std::uint32_t generation, ZygoteOrder order,
                    Clock::duration boot_timeout, RespawnPolicy::Limits respawn) {
  Child& child = children_.emplace_back();
  child.generation = generation;
  child.order = std::move(order);
  child.boot_timeout = boot_timeout;
  child.respawn = RespawnPolicy{respawn};
  launch(child, 0);
}

void Nursery::adopt(Child child) {
  child.launched = true;
  child.heartbeat.take_over(kernel_.now());
  children_.push_back(std::move(child));
}

// Of the hooks that are called once for a server, those of which something runs in
// another zygote.
std::uint32_t Nursery::hooks_elsewhere(const Child& than) const {
  std::uint32_t running = 0;
  for (const Child& other : children_)
    if (&other != &than && other.alive) running |= other.order.boot.hooks_running;
  return running;
}

// Which of them the process to come has to call.
void Nursery::decide_hooks(Child& child) {
  worker::Boot& boot = child.order.boot;
  if (std::exchange(child.launched, true)) {
    boot.hooks_due |= boot.hooks_left | boot.hooks_later;
  } else {
    for (const Child& before : children_)
      if (&before != &child && before.loaded_before) {  // the last one counts
        const worker::Boot& its = before.order.boot;
        boot.hooks_due = its.hooks_due | its.hooks_left | its.hooks_later;
        boot.hooks_due |= worker::kOnReload;
      }
  }
  boot.hooks_left = boot.hooks_running = 0;
  boot.hooks_later = boot.hooks_due & hooks_elsewhere(child) & ~worker::kOnReload;
  boot.hooks_due &= ~boot.hooks_later;
}

// A thread of a hook that ended with its zygote is started again in this one.
void Nursery::pass_hooks_on(Child& child) {
  worker::Boot& boot = child.order.boot;
  const std::uint32_t due = boot.hooks_later & ~hooks_elsewhere(child);
  if (due == 0) return;
  const auto told = kernel_.tell(
      child.process,
      {.kind = wire::Kind::call_hooks, .generation = child.generation, .value = due});
  if (told) boot.hooks_later &= ~due;
}

void Nursery::launch(Child& child, std::uint32_t serving) {
  const Clock::time_point now = kernel_.now();
  child.asked_at = now;
  child.loaded = false;
  child.expected_to_end = false;
  child.shows_stacks = false;
  child.failed = false;
  child.warnings = 0;
  child.answered = 0;
  child.asked_to_upgrade = false;
  child.heartbeat.end();
  if (child.loaded_before) child.order.boot.reload = child.generation == serving;
  decide_hooks(child);
  // One message has to hold it: what is only useful goes first.
  if (worker::to_json(child.order.boot).size() > wire::kMaxText)
    child.order.boot.learned.clear();
  auto process = kernel_.start_zygote(child.order);
  if (!process) {
    note_failure(child, process.error().message());
    rest(child);
    ZygoteNews& news = report(ZygoteNews::Kind::not_started, child);
    news.text = process.error().message();
    news.pause = child.may_start_at - now;
    return;
  }
  child.process = std::move(process).value();
  child.alive = true;
  child.deadline =
      child.boot_timeout == Clock::duration::zero() ? kNever : now + child.boot_timeout;
  report(ZygoteNews::Kind::started, child);
}

// What comes after the first reason of a process follows from it.
void Nursery::note_failure(Child& child, std::string_view why) {
  if (!std::exchange(child.failed, true))
    child.failure = first_line(why).substr(0, kLongestLine);
}

// No process is left: when is the next try, if there is one at all?
void Nursery::rest(Child& child) {
  child.process = Process{};
  child.alive = false;
  child.loaded = false;
  child.deadline = kNever;
  const bool again = std::exchange(child.again, false);
  if (!child.loaded_before && !again) child.wanted = false;
  if (child.wanted && !again)
    child.may_start_at = child.respawn.after_failure(child.asked_at, kernel_.now());
  else
    child.may_start_at = kernel_.now();
}

void Nursery::dismiss(std::uint32_t generation, bool server_ends) {
  Child* child = find(generation);
  if (child == nullptr || !child->wanted) return;
  child->wanted = false;
  if (!child->alive) return;
  // One that still imports does not listen, and has nothing to finish.
  const bool hooks = server_ends && child->loaded && has_hooks(*child);
  if (child->loaded)
    (void)kernel_.tell(
        child->process,
        {.kind = wire::Kind::quit, .generation = generation, .value = hooks ? 1 : 0});
  else
    (void)kernel_.kill(child->process);
  child->loaded = false;
  child->deadline = kernel_.now() + (hooks ? kHookPatience : kQuitPatience);
}

void Nursery::tell_end(std::uint32_t generation, std::uint32_t slot,
                       std::uint32_t serial, int pid) {
  const Child* child = find(generation);
  if (child == nullptr || !child->alive || !child->loaded || !has_hooks(*child)) return;
  (void)kernel_.tell(child->process, {.kind = wire::Kind::worker_ended,
                                      .slot = slot,
                                      .serial = serial,
                                      .generation = generation,
                                      .value = pid});
}

void Nursery::tell_workers(std::uint32_t generation, std::size_t now,
                           std::size_t before) {
  const Child* child = find(generation);
  if (child == nullptr || !child->alive || !child->loaded || !has_hooks(*child)) return;
  (void)kernel_.tell(child->process, {.kind = wire::Kind::workers_wanted,
                                      .slot = static_cast<std::uint32_t>(before),
                                      .generation = generation,
                                      .value = static_cast<std::int64_t>(now)});
}

void Nursery::tell_upgrade(std::uint32_t generation) {
  Child* child = find(generation);
  if (child == nullptr || !child->alive || !child->loaded || !has_hooks(*child)) return;
  const auto told = kernel_.tell(
      child->process, {.kind = wire::Kind::upgrade, .generation = generation});
  child->asked_to_upgrade = static_cast<bool>(told);
}

// One that hangs meanwhile misses its pings, and is killed.
bool Nursery::awaits_hooks() const {
  return std::ranges::any_of(children_, [](const Child& child) {
    return child.alive && child.loaded && child.asked_to_upgrade;
  });
}

void Nursery::judge_imports(std::uint32_t generation, std::string_view lines) {
  const Child* child = find(generation);
  if (child == nullptr || !child->alive || !child->loaded) return;
  (void)kernel_.tell(child->process,
                     {.kind = wire::Kind::judge_imports, .generation = generation}, {},
                     lines);
}

void Nursery::import_early(std::uint32_t generation, std::string_view lines) {
  const Child* child = find(generation);
  if (child == nullptr || !child->alive || !child->loaded || !child->in_memory) return;
  (void)kernel_.tell(child->process,
                     {.kind = wire::Kind::import_early, .generation = generation}, {},
                     lines);
}

void Nursery::condemn(std::uint32_t generation, ZygoteNews::Kind why) {
  Child* child = find(generation);
  if (child == nullptr || !child->alive) return;
  report(why, *child);
  note_failure(*child,
               why == ZygoteNews::Kind::silent ? "it did not answer" : kSlowImport);
  (void)kernel_.kill(child->process);
  child->loaded = false;
  child->deadline = kernel_.now() + kDeathPatience;
}

void Nursery::on_message(std::uint32_t generation, wire::Message message) {
  Child* child = find(generation);
  if (child == nullptr || message.frame.generation != generation) return;
  const wire::Kind kind = message.frame.kind;
  if (kind == wire::Kind::loaded && !child->loaded && child->wanted) {
    child->loaded = true;
    child->loaded_before = true;
    child->failure.clear();
    child->in_memory = message.frame.value >= 0;
    child->deadline = kNever;
    child->heartbeat.take_over(kernel_.now());
    report(ZygoteNews::Kind::loaded, *child).value = message.frame.value;
  } else if (kind == wire::Kind::load_failed && !child->loaded &&
             !child->expected_to_end) {
    ZygoteNews& news = report(ZygoteNews::Kind::load_failed, *child);
    news.value = message.frame.value;
    news.text = std::move(message.text);
    note_failure(*child, news.text);
    child->expected_to_end = true;
    child->deadline = kernel_.now() + kQuitPatience;
  } else if (kind == wire::Kind::warning && child->warnings < kMostWarnings) {
    ++child->warnings;
    report(ZygoteNews::Kind::warning, *child).text = std::move(message.text);
  } else if (kind == wire::Kind::shared_state && may_give_up(*child)) {
    child->again = true;
    child->expected_to_end = true;
    child->deadline = kernel_.now() + kQuitPatience;
    // What was imported early may be to blame: that must not cost the rest.
    if (!std::exchange(child->order.boot.learned, {}).empty()) return;
    child->order.boot.shared_state = lines_of(message.text);
    report(ZygoteNews::Kind::shared_state, *child).text = std::move(message.text);
  } else if (kind == wire::Kind::pong) {
    ++child->answered;
  } else if (kind == wire::Kind::hooks_called) {
    worker::Boot& boot = child->order.boot;
    boot.hooks_due &= ~static_cast<std::uint32_t>(message.frame.value);
    boot.hooks_left |= message.frame.slot;
    boot.hooks_running |= message.frame.serial;
  } else if (kind == wire::Kind::upgrade_heard) {
    child->asked_to_upgrade = false;
  } else if (kind == wire::Kind::importable) {
    report(ZygoteNews::Kind::importable, *child).text = std::move(message.text);
  } else if (kind == wire::Kind::broken && child->warnings < kMostWarnings) {
    ++child->warnings;
    report(ZygoteNews::Kind::broken, *child).text = std::move(message.text);
  } else if (kind == wire::Kind::rehearsed) {
    report(ZygoteNews::Kind::rehearsed, *child).text = std::move(message.text);
  } else if (kind == wire::Kind::forked || kind == wire::Kind::fork_failed) {
    report(ZygoteNews::Kind::answer, *child).message = std::move(message);
  }
}

void Nursery::on_hung_up(std::uint32_t generation) {
  Child* child = find(generation);
  if (child == nullptr || !child->alive) return;
  child->process.channel.reset();
  child->loaded = false;
  child->deadline = std::min(child->deadline, kernel_.now() + kQuitPatience);
}

void Nursery::on_pidfd(std::uint32_t generation) {
  Child* child = find(generation);
  if (child == nullptr || !child->alive) return;
  const auto death = kernel_.reap(child->process);
  if (!death) return;
  ZygoteNews news = std::move(report(ZygoteNews::Kind::gone, *child));
  news_.pop_back();
  news.death = *death;
  if (!child->again) note_failure(*child, describe(*death));
  rest(*child);
  if (child->wanted) news.pause = child->may_start_at - kernel_.now();
  news_.push_back(std::move(news));
}

// Where an import hangs is what one has to know to mend it.
bool Nursery::shows_stacks_first(Child& child) {
  if (child.loaded || child.expected_to_end || !child.wanted ||
      std::exchange(child.shows_stacks, true))
    return false;
  kernel_.ask_for_stacks(child.process);
  child.deadline = kernel_.now() + kStacksPatience;
  return true;
}

// A program before ours may have started it, which knows no pings: it never answered.
void Nursery::look_after(Child& child) {
  const Clock::time_point now = kernel_.now();
  if (now >= child.deadline && shows_stacks_first(child)) return;
  if (now >= child.deadline) return condemn(child.generation);
  if (!child.loaded || now < child.heartbeat.next_look()) return;
  if (child.heartbeat.look(child.answered, now))
    return condemn(child.generation, ZygoteNews::Kind::silent);
  (void)kernel_.tell(child.process,
                     {.kind = wire::Kind::ping, .generation = child.generation});
}

void Nursery::tick(std::uint32_t serving) {
  const Clock::time_point now = kernel_.now();
  for (Child& child : children_)
    if (child.alive) look_after(child);
  children_.remove_if([](const Child& c) { return !c.alive && !c.wanted; });
  for (Child& child : children_)
    if (!child.alive && now >= child.may_start_at) launch(child, serving);
  for (Child& child : children_)
    if (child.loaded && child.wanted && child.generation == serving)
      pass_hooks_on(child);
}

const Process* Nursery::ready(std::uint32_t generation) const {
  for (const Child& child : children_)
    if (child.generation == generation && child.loaded) return &child.process;
  return nullptr;
}

bool Nursery::in_memory(std::uint32_t generation) const {
  return std::ranges::any_of(children_, [&](const Child& c) {
    return c.generation == generation && c.loaded_before && c.in_memory;
  });
}

bool Nursery::dismissing() const {
  return std::any_of(children_.begin(), children_.end(),
                     [](const Child& c) { return c.alive && !c.wanted; });
}

Clock::time_point Nursery::next_wakeup() const {
  Clock::time_point next = kNever;
  for (const Child& child : children_)
    next = std::min({next, child.alive ? child.deadline : child.may_start_at,
                     child.loaded ? child.heartbeat.next_look() : kNever});
  return next;
}

std::vector<ZygoteNews> Nursery::take_news() {
  return std::exchange(news_, {});
}

}  // namespace monodon::master
