// SPDX-License-Identifier: Apache-2.0
// A configuration that is tried: what of it holds at once, what needs a restart.
#include "master/reload/proposal.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include "base/files/install_paths.h"
#include "master/config/file_run.h"
#include "master/config/gunicorn_boot.h"
#include "master/config/interpreter.h"
#include "master/config/table.h"
#include "master/config/value.h"

namespace monodon::master {

namespace {

// Room for the titles of the zygote and of its workers: they replace the arguments.
constexpr std::size_t kTitleRoom = 512;

std::string_view key_of(std::string_view assignment) {
  return assignment.substr(0, assignment.find('='));
}

Clock::duration milliseconds(std::uint64_t ms) {
  // A century keeps sums of times from overflowing.
  constexpr std::uint64_t kMost = 100ULL * 365 * 24 * 3600 * 1000;
  return std::chrono::milliseconds{static_cast<std::int64_t>(std::min(ms, kMost))};
}

// The program that hosts the application, with its arguments.
Result<std::vector<std::string>> host_of(const Settings& settings, std::string& how) {
  std::string room(kTitleRoom, ' ');
  if (settings.worker.application.rfind("native:", 0) == 0) {
    auto host = find_in_libdir("monodon-native");
    if (!host) return host.error();
    how = host.value();
    return std::vector<std::string>{std::move(host).value(), std::move(room)};
  }
  auto python = find_interpreter(settings.python, settings.worker.directory);
  if (!python) return python.error();
  auto zygote = find_in_libdir("zygote.py");
  if (!zygote) return zygote.error();
  python.value().path = release_of(python.value().path);
  how = python.value().path + " (" + python.value().how + ")";
  return std::vector<std::string>{std::move(python.value().path),
                                  std::move(zygote).value(), std::move(room)};
}

}  // namespace

std::vector<std::string> own_environment() {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) all.emplace_back(*entry);
  return all;
}

PoolSettings pool_settings(const Settings& settings) {
  PoolSettings pool;
  pool.workers = settings.workers;
  pool.threads = std::max(1U, settings.worker.threads);
  pool.max_surge = settings.max_surge;
  pool.max_unavailable = settings.max_unavailable;
  pool.boot_timeout = milliseconds(settings.boot_timeout);
  pool.graceful_timeout = milliseconds(settings.worker.graceful_timeout);
  pool.check_health = !settings.worker.health_check.empty();
  pool.health_check_timeout = milliseconds(settings.health_check_timeout);
  pool.respawn.first_pause = milliseconds(settings.restart_pause);
  pool.respawn.longest_pause =
      milliseconds(std::max(settings.restart_pause, settings.restart_pause_longest));
  return pool;
}

std::vector<std::string> heir_environment(std::vector<std::string> environment,
                                          const std::vector<std::string>& changes) {
  constexpr std::array<std::string_view, 7> kMastersOnly = {
      "LISTEN_PID",   "LISTEN_FDS",    "LISTEN_FDNAMES", "NOTIFY_SOCKET",
      "WATCHDOG_PID", "WATCHDOG_USEC", "FDSTORE"};
  std::erase_if(environment, [&](const std::string& entry) {
    return std::find(kMastersOnly.begin(), kMastersOnly.end(), key_of(entry)) !=
           kMastersOnly.end();
  });
  for (const std::string& change : changes) {
    std::erase_if(environment, [&](const std::string& entry) {
      return key_of(entry) == key_of(change);
    });
    environment.push_back(change);
  }
  return environment;
}

Result<DraftedProposal> draft_proposal(const LoadedConfig& config,
                                       const Estate& estate) {
  DraftedProposal draft;
  auto argv = host_of(config.settings, draft.host);
  if (!argv) return argv.error();

  ZygoteOrder& order = draft.proposal.order;
  order.argv = std::move(argv).value();
  order.environment =
      heir_environment(own_environment(), config.settings.worker.environment);
  order.boot.settings = config.settings.worker;
  order.boot.settings.workers = config.settings.workers;
  boot_like_gunicorn(config, order.boot);
  if (config.file_run)
    order.take_process = [run = config.file_run, python = order.argv.at(0)](
                             std::vector<int> fds, std::vector<int> numbers) {
      return run->take(python, {{}, std::move(fds), std::move(numbers)});
    };
  draft.spool = choose_spool(config.settings.worker);
  order.boot.settings.spool_directory = draft.spool.directory;
  order.boot.settings.spool_limit = draft.spool.limit;
  order.boot.stored = estate.stored;
  order.fds = {estate.handoff_send, estate.handoff_receive};
  for (const Listener& listener : *estate.listeners) {
    order.boot.listeners.push_back(listener.info);
    order.fds.push_back(listener.fd.get());
  }
  if (order.fds.size() > wire::kMaxFds)
    return Error{"more listeners than one message can carry", E2BIG};
  draft.proposal.pool = pool_settings(config.settings);
  draft.proposal.observe = milliseconds(config.settings.observe);
  draft.proposal.tolerates_errors = !config.observe_given;
  draft.proposal.rehearse = config.settings.rehearse;
  draft.proposal.rehearse_timeout = milliseconds(config.settings.rehearse_timeout);
  draft.proposal.fallback = milliseconds(config.settings.fallback);
  return draft;
}

std::vector<std::string> take_live(Settings& settings, const Settings& from) {
  std::vector<std::string> names;
  for (const Group& group : setting_groups()) {
    for (const Setting& setting : group.settings) {
      if (setting.on_reload != OnReload::live) continue;
      if (same_value(setting, settings, from)) continue;
      names.emplace_back(setting.key);
      with_field(settings, setting.field, [&](auto& to) {
        with_field(from, setting.field, [&](const auto& value) {
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>,
                                       std::decay_t<decltype(to)>>)
            to = value;
        });
      });
    }
  }
  return names;
}

std::vector<std::string> needs_restart(const Settings& before, const Settings& after) {
  std::vector<std::string> names;
  for (const Group& group : setting_groups()) {
    for (const Setting& setting : group.settings) {
      if (setting.on_reload != OnReload::restart) continue;
      if (!same_value(setting, before, after)) names.emplace_back(setting.key);
    }
  }
  return names;
}

}  // namespace monodon::master
