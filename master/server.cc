// SPDX-License-Identifier: Apache-2.0
#include "master/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/log/log.h"
#include "worker/wire/wire.h"

namespace monodon::master {

namespace {

using namespace std::chrono_literals;

constexpr int kMessagesPerTurn = 16;
constexpr auto kExtension = 20s;       // asked of systemd each time
constexpr auto kExtensionPeriod = 5s;  // while it is needed

}  // namespace

Server::Server(LoadedConfig config, scoreboard::Board board, Estate estate,
               ControlServer control, std::optional<Listener> metrics)
    : candidate_{std::move(config)},
      estate_{estate},
      fleet_{kernel_},
      chronicle_{std::move(board)},
      control_{std::move(control)},
      exporter_{kernel_, loop_, std::move(metrics), candidate_.settings.metrics_bind} {
  config_ = candidate_;
  inform_exporter();
  chronicle_.use(config_.settings.worker);
  timer_ = loop_.on_time([] {});  // the turn that follows does the work
  loop_.on_turn([this] { turn(); });
  watch_signals();
  control_.attach(loop_, [this](std::string_view line, ControlClient client) {
    return answer(line, client);
  });
}

int Server::run() {
  // After an upgrade the workers are replaced by those of the new program.
  if (upgrades_ == 0) {
    notifier_.status(status_text({}));
    if (!propose(candidate_)) return 1;
  } else {
    reload();
  }
  loop_.run();
  // systemd leaves this to us (KillMode=process), or workers could not outlive a master
  // that dies.
  if (const int count = LinuxKernel::end_strangers(exporter_.pid()); count > 0)
    log::info(fmt::format("processes that the application left: {} ended", count));
  log::info("stopped", {log::Id::server_stopped});
  return status_;
}

void Server::turn() {
  const Clock::time_point now = kernel_.now();
  fleet_.tick();
  heed_news();
  sync_watches();
  reap_strangers();
  control_.tidy();
  chronicle_.publish(fleet_, now);
  exporter_.tick(fleet_.pool().slots(), chronicle_);
  tell_systemd(now);
  arm_timer(now);
  if (fleet_.stopping() && fleet_.empty()) loop_.stop();
  if (!successor_.empty() && fleet_.at_rest() && !reloading_ && !reload_queued_)
    become_successor();
}

void Server::heed_news() {
  for (const ZygoteNews& news : fleet_.take_zygote_news()) chronicle_.note(news);
  for (const News& news : fleet_.take_worker_news()) {
    chronicle_.note(news);
    if (estate_.stored) keep_page(news);
    tell_worker(news);
    if (news.kind == News::Kind::ready && !std::exchange(ever_served_, true))
      notifier_.ready();
    if (news.kind == News::Kind::boot_failed && !ever_served_)
      fail_start(static_cast<int>(news.value));
  }
  for (const FleetNews& news : fleet_.take_news()) heed(news);
}

void Server::keep_page(const News& news) const {
  scoreboard::LastPage page{news.slot, news.serial, -1};
  if (news.kind == News::Kind::gone) forget_page(page);
  if (news.kind != News::Kind::started) return;
  const Process& process = fleet_.pool().slots().at(news.slot).process;
  page.memfd = process.page.get();
  if (process.serial == news.serial && page.memfd >= 0) store_page(page);
}

// Nothing was ever served: there is nothing to keep, and the reason is in the log.
void Server::fail_start(int status) {
  const bool known = status == static_cast<int>(wire::LoadFailure::import_error) ||
                     status == static_cast<int>(wire::LoadFailure::no_such_attribute);
  status_ = known ? status : 1;
  stop(true);
}

void Server::sync_watches() {
  for (auto& [serial, watch] : worker_watches_) watch.seen = false;
  for (auto& [pid, watch] : zygote_watches_) watch.seen = false;
  const auto& slots = fleet_.pool().slots();
  for (const auto& slot : slots)
    if (slot.process.pidfd)
      if (const auto w = worker_watches_.find(slot.process.serial);
          w != worker_watches_.end()) {
        w->second.seen = true;
        if (!slot.process.channel) w->second.channel = {};
      }
  for (const auto& child : fleet_.nursery().children())
    if (const auto w = zygote_watches_.find(child.process.pid);
        w != zygote_watches_.end()) {
      w->second.seen = true;
      if (!child.process.channel) w->second.channel = {};
    }
  // The old ones go before new ones come: a descriptor's number may be in use again.
  std::erase_if(worker_watches_, [](const auto& entry) { return !entry.second.seen; });
  std::erase_if(zygote_watches_, [](const auto& entry) { return !entry.second.seen; });

  for (std::size_t i = 0; i < slots.size(); ++i)
    if (slots[i].process.pidfd && !worker_watches_.contains(slots[i].process.serial))
      watch_worker(i, slots[i]);
  for (const auto& child : fleet_.nursery().children())
    if (child.alive && !zygote_watches_.contains(child.process.pid))
      watch_zygote(child);
}

// Not before its pid is known: `ready` may overtake the zygote's `forked`.
void Server::watch_worker(std::size_t index, const Pool::Slot& slot) {
  const std::uint32_t serial = slot.process.serial;
  auto watch = watch_process(
      slot.process, [this, index, serial] { read_worker(index, serial); },
      [this, index, serial] {
        fleet_.pool().on_pidfd(index, serial);
        sweep_ = true;
      });
  if (watch) worker_watches_.emplace(serial, std::move(watch).value());
}

void Server::watch_zygote(const Nursery::Child& child) {
  const std::uint32_t generation = child.generation;
  auto watch = watch_process(
      child.process, [this, generation] { read_zygote(generation); },
      [this, generation] {
        fleet_.nursery().on_pidfd(generation);
        sweep_ = true;
      });
  if (watch) zygote_watches_.emplace(child.process.pid, std::move(watch).value());
}

// What the kernel refuses now is tried again in the next turn, within a second: the
// events are levels, so that nothing is missed meanwhile.
Result<Server::Watch> Server::watch_process(const Process& process,
                                            EventLoop::OnIo::Handler on_message,
                                            EventLoop::OnIo::Handler on_death) {
  Watch watch;
  auto channel = loop_.try_io(process.channel.get(), EventLoop::Rank::message,
                              std::move(on_message));
  auto pidfd =
      loop_.try_io(process.pidfd.get(), EventLoop::Rank::death, std::move(on_death));
  for (const auto* made : {&channel, &pidfd}) {
    if (*made) continue;
    log::error(fmt::format("process {}: {}; trying again", process.pid,
                           made->error().message()),
               {log::Id::resources_short});
    return made->error();
  }
  watch.channel = std::move(channel).value();
  watch.pidfd = std::move(pidfd).value();
  return watch;
}

void Server::read_worker(std::size_t index, std::uint32_t serial) {
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    const auto& slots = fleet_.pool().slots();
    const Process& process = slots.at(index).process;
    if (process.serial != serial || !process.channel) return;
    auto message = wire::receive(process.channel.get());
    if (message) {
      fleet_.pool().on_message(index, serial, message.value());
    } else if (message.error().code == ECONNRESET) {
      return fleet_.pool().on_hung_up(index, serial);
    } else if (message.error().code == EAGAIN) {
      return;
    }
  }
}

void Server::read_zygote(std::uint32_t generation) {
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    const auto& children = fleet_.nursery().children();
    const auto child =
        std::find_if(children.begin(), children.end(),
                     [&](const auto& c) { return c.generation == generation; });
    if (child == children.end() || !child->process.channel) return;
    auto message = wire::receive(child->process.channel.get());
    if (message) {
      fleet_.nursery().on_message(generation, std::move(message).value());
    } else if (message.error().code == ECONNRESET) {
      return fleet_.nursery().on_hung_up(generation);
    } else if (message.error().code == EAGAIN) {
      return;
    }
  }
}

// Orphans of the application come to us, the subreaper.
void Server::reap_strangers() {
  if (!sweep_ || fleet_.pool().awaits_fork()) return;
  sweep_ = false;
  std::vector<int> known;
  for (const auto& slot : fleet_.pool().slots())
    if (slot.process.pid > 0) known.push_back(slot.process.pid);
  for (const auto& child : fleet_.nursery().children())
    if (child.alive) known.push_back(child.process.pid);
  if (exporter_.pid() > 0) known.push_back(exporter_.pid());
  if (const int count = LinuxKernel::reap_strangers(known); count > 0)
    log::debug(fmt::format("reaped {} processes that the application left", count));
}

void Server::tell_systemd(Clock::time_point now) {
  Situation s;
  s.workers = fleet_.workers();
  s.generation = fleet_.generation();
  s.step = fleet_.reload().step;
  s.reload = fleet_.reload().generation;
  s.stopping = fleet_.stopping();
  for (const auto& slot : fleet_.pool().slots()) {
    const bool serves = slot.view.state == State::serving;
    s.serving += serves;
    s.serving_current += serves && slot.view.generation == s.generation;
    s.alive += slot.process.pid > 0;
    s.resting += slot.view.state == State::vacant && slot.view.may_start_at > now;
  }
  notifier_.repeat();
  notifier_.status(status_text(s));
  notifier_.beat(now);
  // What may take long and has a deadline of our own must not meet one of systemd's.
  if (reload_over_ && !fleet_.nursery().dismissing()) {
    reload_over_ = false;
    reloading_ = false;
    notifier_.ready();
  }
  const bool slow = s.stopping || reloading_ || !ever_served_;
  if (slow && now >= next_extension_) {
    notifier_.extend(kExtension);
    next_extension_ = now + kExtensionPeriod;
  }
}

void Server::arm_timer(Clock::time_point now) {
  auto next =
      std::min({fleet_.next_wakeup(), notifier_.next_beat(), exporter_.next_wakeup()});
  if (next_extension_ > now && (fleet_.stopping() || reloading_ || !ever_served_))
    next = std::min(next, next_extension_);
  // Once a second, so that readers can tell a living master from a stopped one.
  loop_.arm(timer_, std::min(next, now + 1s));
}

}  // namespace monodon::master
