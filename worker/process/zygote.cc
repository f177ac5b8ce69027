// SPDX-License-Identifier: Apache-2.0
// The life of a zygote: load once, then fork on request.
#include "worker/process/zygote.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "base/clock.h"
#include "base/files/spool_budget.h"
#include "base/log/log.h"
#include "base/log/log_zone.h"
#include "base/process/forks.h"
#include "base/process/own_process.h"
#include "base/process/process_title.h"
#include "worker/access/open_logs.h"
#include "worker/process/local_request.h"
#include "worker/process/rehearsal.h"
#include "worker/process/surroundings.h"
#include "worker/process/worker.h"
#include "worker/wire/wire.h"

namespace monodon::worker {
namespace {

constexpr auto kImport = static_cast<std::int64_t>(wire::LoadFailure::import_error);
constexpr unsigned kMostSeconds = 15;               // for trying imports
constexpr std::uint64_t kTellPeriod = 300'000'000;  // ns
constexpr int kPause = 50;  // ms, before a message that was refused is sent again

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
  std::optional<int> load();
  std::optional<int> load_application();
  LoadError call_once(std::uint32_t hooks);
  int failed(std::int64_t failure, std::string_view reason);
  void warm_up();
  void let_go() noexcept;
  void judge_imports(std::string_view lines);
  void fork_worker(wire::Message message);
  [[noreturn]] void become_worker(wire::Message message);
  void rehearse(const wire::Message& message);
  void end_rehearsal();
  [[nodiscard]] WorkerInfo worker_of(const wire::Frame& about) const {
    return {about.slot, about.serial, boot_.generation, boot_.settings.threads};
  }
  Result<wire::Message> receive();
  void say(wire::Kind kind, std::int64_t value, std::string_view text = {},
           const wire::Frame& about = {});

  UniqueFd channel_;
  Application& app_;
  Boot boot_;
  UniqueFd handoff_send_;
  UniqueFd handoff_receive_;
  std::vector<UniqueFd> listeners_;
  std::optional<Rehearsal> rehearsal_;
};

// Waits for an order, and tells meanwhile what came of a rehearsal.
Result<wire::Message> Zygote::receive() {
  for (;;) {
    std::array<pollfd, 2> wait{
        {{channel_.get(), POLLIN, 0}, {rehearsal_ ? rehearsal_->fd() : -1, POLLIN, 0}}};
    app_.wait_begins();
    const int ready = ::poll(wait.data(), wait.size(), -1);
    const int error = errno;
    app_.wait_ends();
    if (ready < 0) {
      if (error == EINTR) app_.on_interrupt();
      continue;
    }
    if (wait[1].revents != 0) end_rehearsal();
    if (wait[0].revents == 0) continue;
    // Not blocking, perhaps: the flag belongs to the pair, not to the side.
    auto message = wire::receive(channel_.get());
    if (message || message.error().code != EAGAIN) return message;
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

int Zygote::failed(std::int64_t failure, std::string_view reason) {
  say(wire::Kind::load_failed, failure, reason);
  return static_cast<int>(failure);
}

// Nothing: ready to fork. Or the exit status; the master has been told why.
std::optional<int> Zygote::load() {
  const Settings& settings = boot_.settings;
  // Before the change of directory: paths are meant as the master sees them.
  if (const Outcome opened = open_logs(settings); !opened)
    return failed(kImport, opened.error().message());
  if (const Outcome applied = apply_surroundings(settings); !applied)
    return failed(kImport, applied.error().message());
  resolve_links(boot_.settings);

  const std::uint64_t begin = monotonic_ns();
  if (const LoadError error = app_.prepare(boot_); !error.reason.empty())
    return failed(error.failure, error.reason);
  if (const LoadError error = call_once(boot_.hooks_due & ~kWhenReady);
      !error.reason.empty())
    return failed(error.failure, error.reason);
  const bool shares = preloads(boot_);
  if (shares)
    if (const auto status = load_application()) return status;
  const std::uint32_t ready = boot_.hooks_due & kWhenReady;
  if (const LoadError error = ready != 0 ? call_once(ready) : LoadError{};
      !error.reason.empty())
    return failed(error.failure, error.reason);
  const auto took = static_cast<std::int64_t>((monotonic_ns() - begin) / 1'000'000);
  say(wire::Kind::loaded, shares ? took : -1);
  return std::nullopt;
}

// The master decides by what they have left who calls them next, and when.
LoadError Zygote::call_once(std::uint32_t hooks) {
  if (boot_.gunicorn_conf.empty()) return {};  // there are none
  const Application::HooksCalled called = app_.call_once(hooks);
  say(wire::Kind::hooks_called, hooks, {},
      {.slot = called.left, .serial = called.running});
  return called.error;
}

// All that workers share.
std::optional<int> Zygote::load_application() {
  const LoadError error = app_.load(boot_);
  if (!error.reason.empty()) return failed(error.failure, error.reason);
  const LateImports late = app_.import_late(boot_);
  if (boot_.reload && !late.broken.empty()) return failed(kImport, late.broken[0]);
  for (const std::string& text : late.broken) say(wire::Kind::broken, 0, text);
  for (const std::string& text : late.told) say(wire::Kind::warning, 0, text);
  if (!boot_.settings.warm_up.empty()) warm_up();
  const LoadError hook = app_.call_pre_fork();
  if (!hook.reason.empty()) return failed(hook.failure, hook.reason);
  if (learns(boot_)) app_.prepare_to_learn();
  const bool anyway = forks_anyway(boot_);
  const std::vector<std::string> left = app_.prepare_to_fork(anyway);
  if (!left.empty() && !anyway) {
    say(wire::Kind::shared_state, 0, fmt::format("{}", fmt::join(left, "\n")));
    app_.stop_zygote(true);
    return 0;
  }
  for (const std::string& line : left) say(wire::Kind::warning, 0, line);
  return std::nullopt;
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

// In a child of the master's that serves nobody. What it imports may hang, or eat all
// there is: it has told by then which of those before were good.
void Zygote::judge_imports(std::string_view lines) {
  if (!learns(boot_)) return;
  {
    const OwnFork ours;  // the child tells over our channel
    if (app_.fork() != 0) return;
  }
  claim_process();  // or it would be ended as somebody else's, at its first import
  log::set_context({{"generation", boot_.generation}});
  (void)::prctl(PR_SET_NAME, "monodon-imports");
  set_title(fmt::format("monodon: trying imports [{}]", shown_name(boot_.settings)));
  (void)::signal(SIGALRM, SIG_DFL);
  (void)::alarm(kMostSeconds);
  const rlimit most{kMostSeconds, kMostSeconds};
  (void)::setrlimit(RLIMIT_CPU, &most);
  std::string good;
  std::uint64_t told = monotonic_ns();
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    const std::string line{lines.substr(0, end)};
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (app_.can_be_imported_early(line)) good += line + "\n";
    if (elapsed_ns(told, monotonic_ns()) < kTellPeriod && !lines.empty()) continue;
    told = monotonic_ns();
    say(wire::Kind::importable, 0, good);
  }
  ::_exit(0);
}

void Zygote::fork_worker(wire::Message message) {
  const wire::Frame about = message.frame;
  if (message.fds.size() != 2) {
    say(wire::Kind::fork_failed, EPROTO, {}, about);
    return;
  }
  app_.before_fork(worker_of(about));
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

// What came of it is told later; orders are heard meanwhile.
void Zygote::rehearse(const wire::Message& message) {
  auto targets = targets_from_json(message.text);
  if (!targets) return;
  rehearsal_.reset();  // nobody waits for the one before
  auto begun = Rehearsal::begin(app_, boot_, targets.value(),
                                std::chrono::milliseconds{message.frame.value},
                                [this] { let_go(); });
  if (begun) {
    rehearsal_.emplace(std::move(begun).value());
    return;
  }
  std::vector<Rehearsed> none;
  for (std::string& target : targets.value())
    none.push_back({std::move(target), {}, begun.error().message()});
  say(wire::Kind::rehearsed, 0, to_json(none));
}

void Zygote::end_rehearsal() {
  say(wire::Kind::rehearsed, 0, to_json(rehearsal_->end()));
  rehearsal_.reset();
}

void Zygote::become_worker(wire::Message message) {
  channel_.reset();
  if (rehearsal_) rehearsal_->disown();
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

  // Core dumps and tools of its own user (py-spy, gdb) work on it as on any process.
  (void)::prctl(PR_SET_DUMPABLE, 1);
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
  // Its workers are of the same user: none of them gets at its memory or its channel
  // (pidfd_getfd(2)), over which it names processes to the master.
  (void)::prctl(PR_SET_DUMPABLE, 0);
  (void)::prctl(PR_SET_NAME, "monodon-zygote");
  if (!take_boot()) return 1;
  // Ctrl-C at a terminal is for the master, who tells us. In development the terminal
  // is the application's too, which a session of our own would not have.
  if (!boot_.settings.development) (void)::setsid();
  set_title(fmt::format("monodon: zygote gen {} [{}]", boot_.generation,
                        shown_name(boot_.settings)));
  log::set_context({{"generation", boot_.generation}});
  SpoolBudget::open(boot_.settings.spool_limit);
  if (const auto status = load()) return *status;
  for (;;) {
    auto message = receive();
    if (!message)
      return 0;  // workers outlive the master, and use what we would clean up
    if (message.value().frame.kind == wire::Kind::quit) {
      rehearsal_.reset();
      if (message.value().frame.value == 1) app_.server_ends();
      app_.stop_zygote(false);
      return 0;
    }
    const wire::Frame& frame = message.value().frame;
    if (frame.kind == wire::Kind::fork) {
      fork_worker(std::move(message).value());
    } else if (frame.kind == wire::Kind::ping) {
      say(wire::Kind::pong, 0);
    } else if (frame.kind == wire::Kind::judge_imports) {
      judge_imports(message.value().text);
    } else if (frame.kind == wire::Kind::import_early) {
      app_.import_early(message.value().text);
    } else if (frame.kind == wire::Kind::rehearse) {
      rehearse(message.value());
    } else if (frame.kind == wire::Kind::handoff_pair) {
      auto& fds = message.value().fds;
      if (fds.size() != 2) continue;
      handoff_send_ = std::move(fds[0]);
      handoff_receive_ = std::move(fds[1]);
    } else if (frame.kind == wire::Kind::worker_ended) {
      app_.worker_ended(worker_of(frame), static_cast<int>(frame.value));
    } else if (frame.kind == wire::Kind::workers_wanted) {
      app_.workers_wanted(static_cast<std::uint32_t>(frame.value), frame.slot);
    } else if (frame.kind == wire::Kind::call_hooks) {
      const LoadError error = call_once(static_cast<std::uint32_t>(frame.value));
      if (!error.reason.empty()) say(wire::Kind::warning, 0, error.reason);
    } else if (frame.kind == wire::Kind::upgrade) {
      app_.upgrade_begins();
      say(wire::Kind::upgrade_heard, 0);
    }
  }
}

}  // namespace

int run_zygote(UniqueFd channel, Application& app) {
  (void)::fcntl(channel.get(), F_SETFD, FD_CLOEXEC);
  log::keep_zone();
  return Zygote{std::move(channel), app}.live();
}

}  // namespace monodon::worker
