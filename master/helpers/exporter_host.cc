// SPDX-License-Identifier: Apache-2.0
// Starts the exporter, feeds it pages, and starts it again.
#include "master/helpers/exporter_host.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/files/install_paths.h"
#include "base/fnv.h"
#include "base/log/log.h"
#include "master/config/address.h"
#include "master/config/docs.h"
#include "master/config/table.h"
#include "master/fleet/obituary.h"
#include "master/reload/proposal.h"
#include "metrics/application/application_region.h"
#include "scoreboard/segment.h"

namespace monodon::master {

namespace {

using namespace std::chrono_literals;

constexpr auto kBindPause = 1s;
constexpr auto kTellPause = 500ms;
constexpr RespawnPolicy::Limits kRespawn{
    .first_pause = 200ms, .longest_pause = 30s, .healthy_after = 60s};

bool is_gone(const Error& error) {
  return error.code == EPIPE || error.code == ECONNRESET;
}

// Enough to tell two configurations apart.
std::string hash_of(std::string_view text) {
  return fmt::format("{:016x}", fnv1a(text));
}

}  // namespace

metrics::Facts exporter_facts(const Settings& settings,
                              std::vector<metrics::ListenerFacts> listeners) {
  metrics::Facts facts;
  facts.application = settings.worker.application;
  facts.configuration_hash = hash_of(settings_as_yaml(settings));
  facts.ready_workers = settings.ready_workers;
  facts.ready_when_saturated = settings.ready_when_saturated;
  if (settings.agent_bind != "off")
    if (auto agent = canonical_address(settings.agent_bind, {}))
      facts.agent = agent.value();
  facts.agent_drain_refused = settings.agent_drain_refused;
  facts.hosts = settings.metrics_hosts;
  for (const std::string& label : settings.metrics_labels)
    if (const std::size_t equals = label.find('='); equals != std::string::npos)
      facts.labels.emplace_back(label.substr(0, equals), label.substr(equals + 1));
  facts.dashboard = settings.dashboard;
  facts.listeners = std::move(listeners);
  facts.log_path = settings.worker.error_log;
  facts.log_format = settings.worker.error_log_format;
  facts.log_level = settings.worker.log_level;
  return facts;
}

ExporterHost::ExporterHost(LinuxKernel& kernel, EventLoop& loop,
                           std::optional<Listener> given, std::string address,
                           Stacks stacks)
    : kernel_{kernel},
      loop_{loop},
      address_{address == "off" ? "" : std::move(address)},
      stacks_{std::move(stacks)},
      respawn_{kRespawn} {
  if (given) listener_.push_back(std::move(*given));
}

ExporterHost::~ExporterHost() {
  remove_socket_files(listener_);
}

void ExporterHost::dismiss() {
  if (process_.pid < 0) return;
  constexpr int kPatienceMs = 1000;
  process_.channel = {};
  pollfd end{process_.pidfd.get(), POLLIN, 0};
  if (::poll(&end, 1, kPatienceMs) > 0) (void)kernel_.reap(process_);
  death_ = {};
  process_ = {};
}

void ExporterHost::inform(metrics::Facts facts) {
  if (facts_ == facts) return;
  facts_ = std::move(facts);
  facts_told_ = false;
}

void ExporterHost::tick(const std::vector<Pool::Slot>& slots, Chronicle& chronicle,
                        const ReloadBook& book) {
  if (std::exchange(ended_, false)) bury();
  if (!facts_ || (listener_.empty() && address_.empty())) return;
  if (process_.pid < 0 && kernel_.now() >= may_start_at_) {
    if (listener_.empty()) bind();
    if (!listener_.empty()) start(chronicle);
  }
  if (process_.pid < 0) return;
  tell_at_ = Clock::time_point::max();
  tell_facts(chronicle.board_fd());
  if (introduced_) {
    tell_reload(book);
    pass_pages(slots);
  }
  if (kernel_.now() >= heartbeat_.next_look()) look_for_life();
}

// A packet that lies there unread, look after look, is all that shows a hanging reader.
void ExporterHost::look_for_life() {
  const int channel = process_.channel.get();
  if (metrics::is_all_read(channel)) {
    ++beats_;
    (void)metrics::send_beat(channel);
  }
  if (!heartbeat_.look(beats_, kernel_.now())) return;
  if (std::exchange(killed_, true)) return leave_alone();
  log::error(
      fmt::format("the exporter (pid {}) hangs: it reads nothing that it is told; "
                  "it is killed, requests go on",
                  process_.pid),
      {log::Id::exporter_failed});
  (void)kernel_.kill(process_);
  heartbeat_.begin(kernel_.now());
}

// The kernel holds it. Should it end one day it is reaped as a stranger.
void ExporterHost::leave_alone() {
  log::error(
      fmt::format("the exporter (pid {}) does not die of SIGKILL: it waits in the "
                  "kernel; another one takes its place",
                  process_.pid),
      {log::Id::exporter_failed});
  death_ = {};
  request_ = {};
  process_ = {};
  rest(started_at_);
}

void ExporterHost::bind() {
  BindOptions options;
  options.backlog = 128;
  options.mode = 0660;  // of a Unix socket
  options.flag = "--metrics-bind";
  auto listener = bind_listener(address_, options);
  if (listener) {
    log::info("metrics at " + link_to(listener.value().info),
              {log::Id::server_listening});
    listener_.push_back(std::move(listener).value());
    bind_failed_ = false;
    return;
  }
  may_start_at_ = kernel_.now() + kBindPause;
  if (std::exchange(bind_failed_, true)) return;
  const std::string why =
      "no metrics: " + listener.error().message() + "; trying again";
  // Nobody has asked for that address; most likely another site has it.
  if (address_ == default_settings().metrics_bind)
    log::info(why +
                  "; metrics_bind: 127.0.0.1:9118, say, gives this site its own, and "
                  "\"off\" none",
              {log::Id::server_listening});
  else
    log::warning(why + ": each site needs a metrics_bind of its own",
                 {log::Id::exporter_failed});
}

void ExporterHost::start(Chronicle& chronicle) {
  started_at_ = kernel_.now();
  auto program = find_in_libdir("monodon-exporter");
  auto process = program ? kernel_.start_helper({program.value()},
                                                heir_environment(own_environment(), {}))
                         : Result<Process>{program.error()};
  // Unwatched it would never be started again: it ends with its channel.
  if (process)
    if (auto watched = watch(process.value()); !watched) process = watched.error();
  if (!process) {
    log::warning("no metrics: " + process.error().message(),
                 {log::Id::exporter_failed});
    return rest(kernel_.now());
  }
  process_ = std::move(process).value();
  heartbeat_.begin(started_at_);
  killed_ = false;
  told_.clear();
  told_revision_ = 0;
  introduced_ = facts_told_ = false;
  chronicle.note_exporter_start();
}

Outcome ExporterHost::watch(const Process& process) {
  auto request =
      loop_.try_io(process.channel.get(), EventLoop::Rank::normal, [this] { hear(); });
  if (!request) return request.error();
  auto death = loop_.try_io(process.pidfd.get(), EventLoop::Rank::death,
                            [this] { ended_ = true; });
  if (!death) return death.error();
  request_ = std::move(request).value();
  death_ = std::move(death).value();
  return ok();
}

void ExporterHost::hear() {
  const auto slot = metrics::receive_request(process_.channel.get());
  if (slot) return answer(slot.value());
  // Its end is told by the pidfd, and nonsense is not worth a second look.
  const int code = slot.error().code;
  if (code != EAGAIN && code != EINTR) EventLoop::enable(request_, false);
}

// What cannot be sent is not asked for again: somebody at a page has another try.
void ExporterHost::answer(std::uint32_t slot) {
  metrics::StacksAnswer said{slot,
                             "the stacks of a worker were sent just now; try again"};
  UniqueFd stacks;
  if (const Clock::time_point now = kernel_.now(); now >= stacks_at_ + kStacksPause) {
    stacks_at_ = now;
    auto reader = stacks_(slot);
    said.refusal = reader ? "" : reader.error().message();
    if (reader) stacks = std::move(reader).value();
  }
  (void)metrics::send(process_.channel.get(), said, stacks.get());
}

void ExporterHost::bury() {
  const auto death = kernel_.reap(process_);
  if (!death) return;
  log::warning("the exporter ended, " + describe(*death) +
                   "; it is started again, requests go on",
               {log::Id::exporter_failed});
  death_ = {};
  request_ = {};
  process_ = {};
  rest(started_at_);
}

void ExporterHost::rest(Clock::time_point started) {
  may_start_at_ = respawn_.after_failure(started, kernel_.now());
}

// An exporter that is gone tells by its pidfd; one that does not read is told again.
void ExporterHost::tell_facts(int board_fd) {
  if (facts_told_) return;
  const int region = metrics::application_region();
  const std::array<int, 3> fds{board_fd, listener_.front().fd.get(), region};
  const auto all = std::span<const int>{fds}.first(region < 0 ? 2 : 3);
  const auto told =
      metrics::send(process_.channel.get(), *facts_, introduced_ ? all.first(0) : all);
  if (told)
    introduced_ = facts_told_ = true;
  else if (!is_gone(told.error()))
    tell_at_ = kernel_.now() + kTellPause;
}

void ExporterHost::tell_reload(const ReloadBook& book) {
  if (book.revision() == told_revision_) return;
  const auto told = metrics::send(process_.channel.get(), book.story());
  if (told)
    told_revision_ = book.revision();
  else if (!is_gone(told.error()))
    tell_at_ = kernel_.now() + kTellPause;
}

void ExporterHost::pass_pages(const std::vector<Pool::Slot>& slots) {
  told_.resize(std::max(told_.size(), slots.size()));
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Process& worker = slots[i].process;
    if (worker.serial == told_[i] ||
        !scoreboard::is_sealed_for_owner(worker.page.get()))
      continue;  // not sealed: not begun
    const metrics::PageOrder order{
        static_cast<std::uint32_t>(i), worker.serial,
        static_cast<std::uint32_t>(slots[i].threads),
        static_cast<std::uint64_t>(slots[i].asked_at.time_since_epoch().count())};
    if (auto told = metrics::send(process_.channel.get(), order, worker.page.get());
        !told) {
      if (!is_gone(told.error())) tell_at_ = kernel_.now() + kTellPause;
      return;
    }
    told_[i] = worker.serial;
  }
}

Clock::time_point ExporterHost::next_wakeup() const {
  if (!facts_ || (listener_.empty() && address_.empty()))
    return Clock::time_point::max();
  if (process_.pid < 0) return may_start_at_;
  return std::min(tell_at_, heartbeat_.next_look());
}

}  // namespace monodon::master
