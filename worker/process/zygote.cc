// SPDX-License-Identifier: Apache-2.0
#include "worker/process/zygote.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "base/clock.h"
#include "base/forks.h"
#include "base/log/log.h"
#include "base/process_title.h"
#include "base/spool_budget.h"
#include "base/text.h"
#include "worker/process/local_request.h"
#include "worker/process/worker.h"
#include "worker/wire/wire.h"

namespace monodon::worker {
namespace {

constexpr int kPause = 50;  // ms, before a message that was refused is sent again

struct Forked {
  pid_t pid = -1;
  int error = 0;
};

pid_t wait_for(pid_t pid) {
  pid_t ended;
  do {
    ended = ::waitpid(pid, nullptr, 0);
  } while (ended < 0 && errno == EINTR);
  return ended;
}

// Reads what the process in between has to say; EOF means that it died.
Forked read_report(int pipe) {
  Forked report;
  ssize_t got;
  do {
    got = ::read(pipe, &report, sizeof report);
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(sizeof report)) return {-1, ECHILD};
  return report;
}

Outcome apply(const Settings& settings) {
  for (const std::string& entry : settings.environment) {
    const std::size_t equals = entry.find('=');
    if (equals == 0 || equals == std::string::npos)
      return Error{"environment: not KEY=value: " + entry, 0};
    const std::string key = entry.substr(0, equals);
    if (::setenv(key.c_str(), entry.c_str() + equals + 1, 1) != 0)
      return last_error("set environment " + key);
  }
  if (!settings.directory.empty() && ::chdir(settings.directory.c_str()) != 0)
    return last_error("change to directory " + settings.directory);
  return ok();
}

std::string shown_name(const Settings& settings) {
  return settings.name.empty() ? settings.application : settings.name;
}

class Zygote {
 public:
  Zygote(UniqueFd channel, Application& app)
      : channel_{std::move(channel)}, app_{app} {}

  int live();

 private:
  bool take_boot();
  int load();
  void warm_up();
  void let_go() noexcept;
  void fork_worker(wire::Message message);
  [[noreturn]] void become_worker(wire::Message message);
  Result<wire::Message> receive();
  void say(wire::Kind kind, std::int64_t value, std::string_view text = {},
           const wire::Frame& about = {});

  UniqueFd channel_;
  Application& app_;
  Boot boot_;
  UniqueFd handoff_send_;
  UniqueFd handoff_receive_;
  std::vector<UniqueFd> listeners_;
};

// The channel may be non-blocking (the flag belongs to the pair, not to the side).
Result<wire::Message> Zygote::receive() {
  for (;;) {
    auto message = wire::receive(channel_.get());
    if (message || message.error().code != EAGAIN) return message;
    pollfd wait{channel_.get(), POLLIN, 0};
    if (::poll(&wait, 1, -1) < 0 && errno == EINTR) app_.on_interrupt();
  }
}

void Zygote::say(wire::Kind kind, std::int64_t value, std::string_view text,
                 const wire::Frame& about) {
  wire::Frame frame = about;
  frame.kind = kind;
  frame.generation = boot_.generation;
  frame.value = value;
  for (;;) {
    const Outcome sent = wire::send(channel_.get(), frame, text);
    // A master that is gone is noticed by the next receive().
    if (sent || !wire::may_pass(sent.error())) return;
    // No event tells that the kernel has memory again; the master's end is one.
    const bool full = sent.error().code == EAGAIN;
    pollfd wait{channel_.get(), static_cast<short>(full ? POLLOUT : 0), 0};
    (void)::poll(&wait, 1, full ? -1 : kPause);
  }
}

bool Zygote::take_boot() {
  auto message = receive();
  if (!message) return false;
  wire::Message& m = message.value();
  if (m.frame.kind != wire::Kind::boot) return false;
  auto boot = boot_from_json(m.text);
  if (!boot || m.fds.size() != 2 + boot.value().listeners.size()) {
    say(wire::Kind::load_failed, static_cast<int>(wire::LoadFailure::import_error),
        boot ? "boot message: wrong number of descriptors" : boot.error().message());
    return false;
  }
  boot_ = std::move(boot).value();
  handoff_send_ = std::move(m.fds[0]);
  handoff_receive_ = std::move(m.fds[1]);
  for (std::size_t i = 2; i < m.fds.size(); ++i)
    listeners_.push_back(std::move(m.fds[i]));
  return true;
}

// Returns 0 or the failure, which the master has been told.
int Zygote::load() {
  const auto failed = [this](std::int64_t failure, std::string_view reason) {
    say(wire::Kind::load_failed, failure, reason);
    return static_cast<int>(failure);
  };
  constexpr auto kImport = static_cast<std::int64_t>(wire::LoadFailure::import_error);
  const Settings& settings = boot_.settings;
  // Before the change of directory: paths are meant as the master sees them.
  const log::Options options{settings.error_log, settings.error_log_format,
                             settings.log_level};
  if (const Outcome opened = log::open(options); !opened)
    return failed(kImport, opened.error().message());
  if (const Outcome applied = apply(settings); !applied)
    return failed(kImport, applied.error().message());

  const std::uint64_t begin = monotonic_ns();
  if (const LoadError error = app_.prepare(boot_); !error.reason.empty())
    return failed(error.failure, error.reason);
  if (settings.preload) {
    const LoadError error = app_.load(boot_);
    if (!error.reason.empty()) return failed(error.failure, error.reason);
    const LateImports late = app_.import_late();
    if (boot_.reload && !late.broken.empty()) return failed(kImport, late.broken[0]);
    for (const std::string& text : late.broken) say(wire::Kind::broken, 0, text);
    for (const std::string& text : late.told) say(wire::Kind::warning, 0, text);
    if (!settings.warm_up.empty()) warm_up();
    const LoadError hook = app_.call_pre_fork();
    if (!hook.reason.empty()) return failed(hook.failure, hook.reason);
    for (const std::string& line : app_.prepare_to_fork())
      say(wire::Kind::warning, 0, line);
  }
  if (const LoadError error = app_.when_ready(); !error.reason.empty())
    return failed(error.failure, error.reason);
  const auto took = static_cast<std::int64_t>((monotonic_ns() - begin) / 1'000'000);
  say(wire::Kind::loaded, settings.preload ? took : -1);
  return 0;
}

// A failed warm-up costs speed, not correctness, so it is only told.
void Zygote::warm_up() {
  const std::string& target = boot_.settings.warm_up;
  const auto answer = get_locally(app_, boot_, http::parse_local_target(target));
  if (!answer) {
    say(wire::Kind::warning, 0,
        fmt::format("warm-up request {}: {}", target, answer.error().message()));
  } else if (answer.value().status >= 400 || !answer.value().failure.empty()) {
    say(wire::Kind::warning, 0,
        fmt::format("warm-up request {} was answered with status {}", target,
                    answer.value().status));
  }
}

void Zygote::fork_worker(wire::Message message) {
  const wire::Frame about = message.frame;
  if (message.fds.size() != 2) {
    say(wire::Kind::fork_failed, EPROTO, {}, about);
    return;
  }
  int pid = -1;
  int error = 0;
  {
    const OwnFork ours;
    pid = app_.fork();
    error = errno;
  }
  if (pid == 0) become_worker(std::move(message));
  if (pid > 0)
    say(wire::Kind::forked, pid, {}, about);
  else
    say(wire::Kind::fork_failed, error, {}, about);
}

void Zygote::become_worker(wire::Message message) {
  channel_.reset();
  Heritage heritage;
  heritage.slot = message.frame.slot;
  heritage.serial = message.frame.serial;
  heritage.generation = boot_.generation;
  heritage.check_health = (message.frame.value & wire::kCheckHealth) != 0;
  heritage.refuse_broken = (message.frame.value & wire::kRefuseBroken) != 0;
  heritage.boot = &boot_;
  heritage.channel = std::move(message.fds[0]);
  heritage.page = std::move(message.fds[1]);
  heritage.handoff_send = std::move(handoff_send_);
  heritage.handoff_receive = std::move(handoff_receive_);
  heritage.listeners = std::move(listeners_);

  (void)::prctl(PR_SET_NAME, "monodon-worker");
  set_title(fmt::format("monodon: worker {} gen {} [{}]", heritage.slot,
                        heritage.generation, shown_name(boot_.settings)));
  log::set_context({{"worker", heritage.slot},
                    {"serial", heritage.serial},
                    {"generation", heritage.generation}});
  SpoolBudget::begin(heritage.slot);
  // The zygote's file may have been renamed by logrotate since it was opened.
  (void)log::reopen();
  int status = 1;
  try {
    status = run(std::move(heritage), app_);
  } catch (const std::exception& e) {
    // Start-up of a worker may throw (no memory, no page); nothing may pass below.
    log::critical("worker cannot start",
                  {log::Id::worker_load_failed, {"error", e.what()}});
  }
  ::_exit(status);
}

// In a process that the application forked: a helper that it started at its import.
void Zygote::let_go() noexcept {
  channel_.reset();
  handoff_send_.reset();
  handoff_receive_.reset();
  for (UniqueFd& listener : listeners_) listener.reset();
}

int Zygote::live() {
  log::survive_forks();
  watch_forks([](void* self) noexcept { static_cast<Zygote*>(self)->let_go(); }, this);
  // Ctrl-C at a terminal is for the master, who tells us.
  (void)::setsid();
  (void)::prctl(PR_SET_NAME, "monodon-zygote");
  if (!take_boot()) return 1;
  set_title(fmt::format("monodon: zygote gen {} [{}]", boot_.generation,
                        shown_name(boot_.settings)));
  log::set_context({{"generation", boot_.generation}});
  SpoolBudget::open(boot_.settings.spool_limit);
  if (const int failure = load(); failure != 0) return failure;
  for (;;) {
    auto message = receive();
    if (!message || message.value().frame.kind == wire::Kind::quit) return 0;
    const wire::Frame& frame = message.value().frame;
    if (frame.kind == wire::Kind::fork)
      fork_worker(std::move(message).value());
    else if (frame.kind == wire::Kind::worker_ended)
      app_.worker_ended({.slot = frame.slot,
                         .serial = frame.serial,
                         .generation = boot_.generation,
                         .threads = boot_.settings.threads},
                        static_cast<int>(frame.value));
  }
}

void say(std::string_view text) {
  std::string shown;
  append_printable_lines(shown, text, {});
  shown += '\n';
  (void)!::write(STDERR_FILENO, shown.data(), shown.size());
}

// What a zygote and, with `call_hooks`, its first worker do before they serve.
LoadError try_out(Application& app, const Boot& boot, bool call_hooks) {
  const Settings& settings = boot.settings;
  if (const Outcome applied = apply(settings); !applied)
    return {static_cast<std::int64_t>(wire::LoadFailure::not_ready),
            applied.error().message()};
  LoadError error = app.prepare(boot);
  if (error.reason.empty()) error = app.load(boot);
  if (error.reason.empty()) {
    LateImports late = app.import_late();
    for (const std::string& text : late.told) say("warning: " + text);
    if (!late.broken.empty()) error.reason = std::move(late.broken.front());
  }
  if (!call_hooks) return error;
  if (error.reason.empty()) error = app.call_pre_fork();
  if (error.reason.empty()) error = app.when_ready();
  if (error.reason.empty())
    error = app.start_worker({.generation = boot.generation,
                              .threads = settings.threads});
  if (error.reason.empty()) app.stop_worker();
  return error;
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> block;
  for (;;) {
    const ssize_t got = ::read(fd, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(block.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

pid_t double_fork() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return -1;
  UniqueFd read_end{ends[0]};
  UniqueFd write_end{ends[1]};
  const pid_t between = ::fork();
  if (between < 0) return -1;
  if (between == 0) {
    Forked report;
    report.pid = ::fork();
    if (report.pid == 0) return 0;
    report.error = errno;
    (void)!::write(write_end.get(), &report, sizeof report);
    ::_exit(0);
  }
  write_end.reset();
  const Forked report = read_report(read_end.get());
  // Once it has ended the kernel has given the new process its new parent.
  (void)wait_for(between);
  errno = report.error;
  return report.pid;
}

int run_zygote(UniqueFd channel, Application& app) {
  (void)::fcntl(channel.get(), F_SETFD, FD_CLOEXEC);
  return Zygote{std::move(channel), app}.live();
}

int check_application(Application& app, bool call_hooks) {
  auto boot = boot_from_json(read_all(STDIN_FILENO));
  if (!boot) {
    say(boot.error().message());
    return 1;
  }
  const Boot& value = boot.value();
  const LoadError error = try_out(app, value, call_hooks);
  const std::string& name = value.settings.application;
  if (error.reason.empty()) {
    say("good: " + name + " can be served");
    return 0;
  }
  if (last_line(error.reason) != error.reason) say(error.reason);
  say(fmt::format("not good: {}: {}", name, first_line(error.reason)));
  return static_cast<int>(error.failure);
}

}  // namespace monodon::worker
