// SPDX-License-Identifier: Apache-2.0
// Starts the watcher of a development server, and asks for the reloads it speaks of.
#include "master/helpers/watcher_host.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/log/log.h"
#include "base/process/close_elsewhere.h"
#include "base/process/passed_fds.h"
#include "base/process/watching.h"
#include "master/config/gunicorn_file.h"
#include "master/fleet/obituary.h"
#include "master/reload/proposal.h"

namespace monodon::master {

namespace {

constexpr int kRoomForModules = 1 << 20;
constexpr int kBeyondChildren = 10;

// As the zygote has them: with a link in it the same file has two names.
std::string physical(const std::string& path) {
  std::error_code error;
  const std::string found = std::filesystem::weakly_canonical(path, error);
  return error ? path : found;
}

// The directories before its first wildcard like those of the roots; what it names in
// them may be a link that is replaced.
std::string physical_pattern(const std::string& pattern) {
  const std::size_t slash = pattern.rfind('/', pattern.find_first_of("*?["));
  return physical(pattern.substr(0, slash)) + pattern.substr(slash);
}

}  // namespace

std::vector<std::string> watcher_arguments(const LoadedConfig& config) {
  const worker::Settings& worker = config.settings.worker;
  std::vector<std::string> argv{"/proc/self/exe", "watch", "--engine",
                                config.settings.reload_engine};
  const auto add = [&](const char* flag, const std::string& value) {
    argv.emplace_back(flag);
    argv.push_back(value);
  };
  add("--root", physical(worker.directory));
  for (const std::string& path : worker.python_path) add("--root", physical(path));
  for (const std::string& pattern : config.settings.reload_extra_files)
    add("--pattern",
        physical_pattern(pattern.starts_with('/') ? pattern
                                                  : worker.directory + "/" + pattern));
  if (!config.config_file.empty() && config.config_file.starts_with('/'))
    add("--pattern", physical(config.config_file));
  // The next reload would read one that is made now.
  const std::string& start = config.command_line.start_directory;
  if (config.command_line.config_file.empty() && !start.empty())
    for (const char* name : {"/monodon.yaml", "/gunicorn.conf.py"})
      add("--pattern", physical(start) + name);
  return argv;
}

void WatcherHost::use(const LoadedConfig& config) {
  if (!config.settings.worker.reload) return;
  argv_ = watcher_arguments(config);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    log::warning(last_error("watch the files of modules").message(),
                 {log::Id::resources_short});
    return;
  }
  // Not where a child has them: there, others are put first.
  const UniqueFd read{ends[0]};
  const UniqueFd write{ends[1]};
  modules_.reset(::fcntl(ends[0], F_DUPFD_CLOEXEC, kBeyondChildren));
  // A large application has thousands of modules, and nobody waits for the reader.
  (void)::fcntl(ends[1], F_SETPIPE_SZ, kRoomForModules);
  kernel_.tell_modules_to(UniqueFd{::fcntl(ends[1], F_DUPFD_CLOEXEC, kBeyondChildren)});
}

void WatcherHost::tick() {
  if (std::exchange(ended_, false)) bury();
  if (!argv_.empty() && process_.pid < 0 && kernel_.now() >= may_start_at_) start();
}

void WatcherHost::start() {
  started_at_ = kernel_.now();
  std::vector<std::string> argv = argv_;
  if (unwatched_since_ > 0)
    argv.insert(argv.end(), {"--since", std::to_string(unwatched_since_)});
  auto process = kernel_.start_helper(argv, heir_environment(own_environment(), {}),
                                      modules_.get());
  if (process) {
    auto message = loop_.try_io(process.value().channel.get(), EventLoop::Rank::message,
                                [this] { listen(); });
    auto death = loop_.try_io(process.value().pidfd.get(), EventLoop::Rank::death,
                              [this] { ended_ = true; });
    // Unwatched it would never be started again: it ends with its channel.
    if (message && death) {
      message_ = std::move(message).value();
      death_ = std::move(death).value();
    } else {
      process = message ? death.error() : message.error();
    }
  }
  if (process) {
    process_ = std::move(process).value();
    return;
  }
  log::warning("files are not watched: " + process.error().message(),
               {log::Id::watcher_failed});
  may_start_at_ = respawn_.after_failure(started_at_, kernel_.now());
}

void WatcherHost::listen() {
  std::array<char, kLongestNotice> text{};
  std::vector<UniqueFd> strangers;
  const ssize_t got = receive_guarded(process_.channel.get(), text, strangers);
  close_elsewhere(std::move(strangers));
  if (got < 0 && errno == EAGAIN) return;
  // Its end: the pidfd tells of it.
  if (got <= 0) return EventLoop::enable(message_, false);
  const std::string_view said{text.data(), static_cast<std::size_t>(got)};
  if (said.starts_with('!'))
    log::warning(said.substr(1), {log::Id::watcher_failed});
  else
    changed_(said);
}

void WatcherHost::bury() {
  const auto death = kernel_.reap(process_);
  if (!death) return;
  log::warning(
      "the watcher of files ended, " + describe(*death) + "; it is started again",
      {log::Id::watcher_failed});
  message_ = {};
  death_ = {};
  process_ = {};
  // What it has seen and not told yet is younger than its longest burst.
  unwatched_since_ =
      std::chrono::nanoseconds{
          (std::chrono::system_clock::now() - kLongestBurst).time_since_epoch()}
          .count();
  may_start_at_ = respawn_.after_failure(started_at_, kernel_.now());
}

Clock::time_point WatcherHost::next_wakeup() const {
  return argv_.empty() || process_.pid >= 0 ? Clock::time_point::max() : may_start_at_;
}

}  // namespace monodon::master
