// SPDX-License-Identifier: Apache-2.0
// The life of a worker process, from the fork to its exit status.
#include "worker/process/worker.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <exception>

#include "base/clock.h"
#include "base/log/log.h"
#include "base/process/forks.h"
#include "base/process/own_process.h"
#include "base/process/process_title.h"
#include "scoreboard/page.h"
#include "worker/loop/loop.h"
#include "worker/process/health_check.h"
#include "worker/wire/master_line.h"

namespace monodon::worker {

namespace {

// The loop of this process, for handlers: of the one signal, and of forks.
std::atomic<Loop*> loop_of_this_worker{nullptr};

struct Known {
  explicit Known(Loop& loop) { loop_of_this_worker = &loop; }
  ~Known() { loop_of_this_worker = nullptr; }
  Known(const Known&) = delete;
  Known& operator=(const Known&) = delete;
};

void on_sigterm(int) {
  if (is_stranger()) {  // made by clone(2), or a moment ago: its default is to end
    (void)::signal(SIGTERM, SIG_DFL);
    (void)::raise(SIGTERM);  // once this handler returns
    return;
  }
  if (Loop* loop = loop_of_this_worker.load()) loop->note_signal();
}

// SIGTERM to one worker (an operator, a script) asks for its replacement. An
// application that has its own handler keeps it.
void watch_sigterm() {
  struct sigaction now {};
  if (::sigaction(SIGTERM, nullptr, &now) != 0 || now.sa_handler != SIG_DFL) return;
  struct sigaction ours {};
  ours.sa_handler = on_sigterm;
  ours.sa_flags = SA_RESTART;
  (void)::sigaction(SIGTERM, &ours, nullptr);
}

// In a process that the application forked. SIGTERM does what Python, which knows of no
// handler, believes: multiprocessing ends its processes with it.
void let_go(void* own) noexcept {
  auto& heritage = *static_cast<Heritage*>(own);
  heritage.channel.reset();
  heritage.page.reset();
  heritage.handoff_send.reset();
  heritage.handoff_receive.reset();
  for (UniqueFd& listener : heritage.listeners) listener.reset();
  if (Loop* loop = loop_of_this_worker.load()) loop->let_go();
  struct sigaction now {};
  if (::sigaction(SIGTERM, nullptr, &now) == 0 && now.sa_handler == on_sigterm)
    (void)::signal(SIGTERM, SIG_DFL);
}

struct Threads {
  Loop* loop;
  std::atomic<unsigned> left{0};

  static void body(void* self, unsigned index) {
    auto& threads = *static_cast<Threads*>(self);
    threads.loop->run_thread(index);
    if (index == 0) return;
    threads.left.fetch_sub(1);
    threads.left.notify_all();
  }
};

bool start_threads(Threads& threads, Application& app, unsigned count) {
  for (unsigned i = 1; i < count; ++i) {
    threads.left.fetch_add(1);
    if (auto started = app.start_thread(i, &Threads::body, &threads); !started) {
      log::error("application thread cannot be started: " + started.error().message(),
                 {log::Id::worker_load_failed, {"thread", i}});
      return false;
    }
  }
  return true;
}

// Each worker imports by itself. A reason: it must not serve. `broken`: parts of it are.
LoadError load(const Heritage& heritage, Application& app, bool& broken) {
  if (LoadError failed = app.load(*heritage.boot); !failed.reason.empty())
    return failed;
  const LateImports late = app.import_late(*heritage.boot);
  constexpr auto kImport = static_cast<std::int64_t>(wire::LoadFailure::import_error);
  if (heritage.refuse_broken && !late.broken.empty()) return {kImport, late.broken[0]};
  broken = !late.broken.empty();
  for (const std::string& text : late.broken)
    log::error(text, {log::Id::application_incomplete});
  for (const std::string& text : late.told)
    log::warning(text, {log::Id::application_warning});
  return {};
}

// A master that never hears of this worker would wait for it until boot_timeout.
void say_ready(MasterLine& master, bool broken) {
  const auto told = master.tell(wire::Kind::ready, broken ? 1 : 0);
  if (told) return;
  // It was killed while this worker booted, say.
  if (told.error().code == EPIPE || told.error().code == ECONNRESET)
    log::warning(
        "the master does not listen any more; this worker leaves before it serves",
        {log::Id::master_gone});
  else
    log::critical("worker cannot tell that it is ready: " + told.error().message(),
                  {log::Id::worker_load_failed});
  ::_exit(1);
}

int serve(Heritage& heritage, Application& app) {
  const Settings& settings = heritage.boot->settings;
  scoreboard::WorkerPage page{heritage.page.get(), settings.threads};
  page.header().serial.store(heritage.serial, std::memory_order_relaxed);
  MasterLine master{heritage};
  bool broken = false;
  if (!preloads(*heritage.boot)) {
    if (const LoadError failed = load(heritage, app, broken); !failed.reason.empty()) {
      (void)master.tell(wire::Kind::boot_failed, failed.failure, failed.reason);
      return static_cast<int>(failed.failure);
    }
  }
  if (learns(*heritage.boot))
    app.tell_imports_to([&](std::string_view lines, bool newer) {
      master.report(wire::Kind::learned, newer ? 1 : 0, lines);
    });
  LoadError failed = app.start_worker({.slot = heritage.slot,
                                       .serial = heritage.serial,
                                       .generation = heritage.generation,
                                       .threads = settings.threads});
  if (failed.reason.empty() && heritage.check_health) {
    (void)master.tell(wire::Kind::checking);
    failed.failure = static_cast<std::int64_t>(wire::LoadFailure::not_ready);
    failed.reason = check_health(app, *heritage.boot);
  }
  if (!failed.reason.empty()) {
    (void)master.tell(wire::Kind::boot_failed, failed.failure, failed.reason);
    return static_cast<int>(failed.failure);
  }

  Loop loop{heritage, master, app, page};
  const Known known{loop};
  set_title(loop.title());
  Threads threads{&loop};
  if (!start_threads(threads, app, settings.threads)) ::_exit(1);
  watch_sigterm();
  // The first sign of life: one that stops before the keeper's is missed like any
  // other.
  page.header().heartbeat_ns.store(monotonic_ns(), std::memory_order_relaxed);
  page.header().state.store(
      static_cast<std::uint32_t>(scoreboard::WorkerState::serving),
      std::memory_order_relaxed);
  if (heritage.channel) say_ready(master, broken);

  if (app.interleaves()) {
    if (failed = app.run_turns(loop); !failed.reason.empty()) {
      log::critical(failed.reason, {log::Id::worker_load_failed});
      ::_exit(1);
    }
  } else {
    app.run_main(&Threads::body, &threads);
  }

  for (unsigned left = threads.left; left != 0; left = threads.left)
    threads.left.wait(left);
  loop.join_keeper();
  loop.requests().access().flush();
  page.header().state.store(
      static_cast<std::uint32_t>(scoreboard::WorkerState::stopped),
      std::memory_order_relaxed);
  app.stop_worker();
  (void)master.tell(wire::Kind::drained);
  return 0;
}

}  // namespace

int run(Heritage heritage, Application& app) {
  log::survive_forks();
  watch_forks(let_go, &heritage);
  // sendfile(2) has no MSG_NOSIGNAL.
  (void)::signal(SIGPIPE, SIG_IGN);
  int status = 1;
  try {
    status = serve(heritage, app);
  } catch (const std::exception& e) {
    log::critical(std::string{"worker cannot go on: "} + e.what(), {log::Id::bug});
  }
  watch_forks([](void*) noexcept {}, nullptr);
  return status;
}

}  // namespace monodon::worker
