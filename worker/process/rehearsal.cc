// SPDX-License-Identifier: Apache-2.0
// Requests that code answers for nobody, before a deploy goes on.
#include "worker/process/rehearsal.h"

#include <fmt/core.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <utility>

#include "base/clock.h"
#include "base/log/log.h"
#include "base/machine/system_calls.h"
#include "base/process/forks.h"
#include "base/process/process_title.h"
#include "base/text/text.h"
#include "base/version.h"
#include "worker/http/chars.h"
#include "worker/process/local_request.h"

namespace monodon::worker {
namespace {

using Ending = Rehearsed::Ending;

// No column of the application's metrics is for this process.
constexpr std::uint32_t kNoSlot = 0xffff'ffff;
constexpr std::string_view kUserAgent = "monodon-rehearsal/" MONODON_VERSION;

// The kernel ends this process then, whatever it does. timer_create(2) and
// timer_settime(2) by number: before glibc 2.34 they are in librt, which nothing else
// needs.
bool limit_life(std::chrono::milliseconds time) {
  sigevent how{};
  how.sigev_notify = SIGEV_SIGNAL;
  how.sigev_signo = SIGKILL;
  int timer = 0;
  if (::syscall(SYS_timer_create, CLOCK_MONOTONIC, &how, &timer) != 0) return false;
  itimerspec when{};
  when.it_value.tv_sec = static_cast<time_t>(time.count() / 1000);
  when.it_value.tv_nsec = static_cast<long>(time.count() % 1000 * 1'000'000 + 1);
  return ::syscall(SYS_timer_settime, timer, 0, &when, nullptr) == 0;
}

// A line for each request as it begins, and one for what came of it, into memory that
// is read when this process is over: no reader is waited for, and whoever holds a copy
// of the descriptor holds nobody up.
void write_line(int file, const std::string& text) {
  const std::string line = text + "\n";
  for (std::string_view left = line; !left.empty();) {
    const ssize_t put = ::write(file, left.data(), left.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return;
    left.remove_prefix(static_cast<std::size_t>(put));
  }
}

// Nobody gets a page from what answers so, unless a cookie comes with it: SSL_REDIRECT
// behind a proxy that has taken TLS off, for one.
bool leads_to_itself(const LocalAnswer& answer, std::string_view target) {
  if (answer.status < 300 || answer.status > 399) return false;
  std::string_view location;
  for (std::string_view left = answer.head; !left.empty();) {
    const std::size_t end = std::min(left.find("\r\n"), left.size());
    const std::string_view line = left.substr(0, end);
    left.remove_prefix(std::min(end + 2, left.size()));
    const std::size_t colon = std::min(line.find(':'), line.size());
    const std::string_view name = line.substr(0, colon);
    if (http::equals_ignoring_case(name, "set-cookie")) return false;
    if (http::equals_ignoring_case(name, "location"))
      location = line.substr(std::min(colon + 2, line.size()));  // after ": "
  }
  return location == target || location == http::parse_local_target(target).path;
}

Rehearsed answer_one(Application& app, const Boot& boot, const std::string& target) {
  const auto got = get_locally(app, boot, http::parse_local_target(target), kUserAgent);
  if (!got) return {target, Ending::unfinished, got.error().message()};
  const LocalAnswer& a = got.value();
  if (!a.failure.empty()) {
    return {target, Ending::failed, reason_first_and_last(a)};
  }
  if (a.status >= 500)
    return {target, Ending::failed, fmt::format("it was answered with {}", a.status)};
  if (a.status == 0) return {target, Ending::unfinished, "it was not answered"};
  if (leads_to_itself(a, target))
    return {target, Ending::failed,
            fmt::format("it was answered with {}, a redirect to itself", a.status)};
  return {target, Ending::answered, {}, a.status};
}

void perform_all(Application& app, const Boot& boot, const WorkerInfo& which,
                 const std::vector<std::string>& targets, int file) {
  std::string trouble;
  if (!preloads(boot)) trouble = app.load(boot).reason;
  if (trouble.empty()) trouble = app.start_worker(which).reason;
  // The first worker, which fails of the same, tells all of it.
  if (!trouble.empty())
    return write_line(file, to_json(std::vector<Rehearsed>{{{}, {}, trouble}}));
  app.rehearse();
  bool newer = false;
  if (learns(boot)) app.tell_imports_to([&](std::string_view, bool n) { newer |= n; });
  for (const std::string& target : targets) {
    write_line(file, to_json(std::vector<Rehearsed>{}));
    Rehearsed done = answer_one(app, boot, target);
    done.newer = newer;
    write_line(file, to_json(std::vector{std::move(done)}));
  }
  app.end_rehearsal();
}

std::string manner(int status) {
  if (WIFSIGNALED(status)) {
    const std::string name = signal_abbreviation(WTERMSIG(status));
    return fmt::format("the process was killed by SIG{}", name.empty() ? "?" : name);
  }
  return fmt::format("the process left with exit status {}", WEXITSTATUS(status));
}

std::string read_all(int file) {
  std::string text;
  std::array<char, 4096> block;
  for (;;) {
    const ssize_t got =
        ::pread(file, block.data(), block.size(), static_cast<off_t>(text.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(block.data(), static_cast<std::size_t>(got));
  }
}

int reap_child(pid_t pid) {
  int status = 0;
  pid_t ended;
  do {
    ended = ::waitpid(pid, &status, 0);
  } while (ended < 0 && errno == EINTR);
  // A handler of the application's was quicker: nothing is known of it.
  return ended < 0 ? SIGKILL : status;
}

}  // namespace

Rehearsal::Rehearsal(Application& app, const WorkerInfo& which,
                     std::vector<std::string> targets, UniqueFd file, pid_t pid,
                     UniqueFd pidfd, std::uint64_t over_ns)
    : app_{&app},
      which_{which},
      targets_{std::move(targets)},
      file_{std::move(file)},
      pid_{pid},
      pidfd_{std::move(pidfd)},
      over_ns_{over_ns} {}

Rehearsal::~Rehearsal() {
  if (!pidfd_) return;
  (void)::kill(pid_, SIGKILL);
  (void)reap();
}

int Rehearsal::reap() {
  const int status = reap_child(pid_);
  pidfd_.reset();
  app_->worker_ended(which_, pid_);
  return status;
}

Result<Rehearsal> Rehearsal::begin(Application& app, const Boot& boot,
                                   std::vector<std::string> targets,
                                   std::chrono::milliseconds time,
                                   const std::function<void()>& let_go) {
  const std::uint64_t over_ns =
      monotonic_ns() +
      static_cast<std::uint64_t>(std::chrono::nanoseconds{time}.count());
  UniqueFd file{::memfd_create("rehearsal", MFD_CLOEXEC)};
  if (!file) return last_error("make memory for a rehearsal");
  const WorkerInfo which{
      .slot = kNoSlot, .generation = boot.generation, .threads = boot.settings.threads};
  app.before_fork(which);
  pid_t pid = -1;
  {
    const OwnFork ours;
    pid = app.fork_child();
  }
  if (pid < 0) return last_error("fork for a rehearsal");
  if (pid == 0) {
    let_go();
    perform(app, boot, which, targets, time, file.get());
  }
  UniqueFd pidfd = open_pidfd(pid);
  if (!pidfd) {
    const Error error = last_error("watch a rehearsal");
    (void)::kill(pid, SIGKILL);
    (void)reap_child(pid);
    app.worker_ended(which, pid);
    return error;
  }
  return Rehearsal{
      app, which, std::move(targets), std::move(file), pid, std::move(pidfd), over_ns};
}

void Rehearsal::disown() noexcept {
  pidfd_.reset();
  file_.reset();
}

void Rehearsal::perform(Application& app, const Boot& boot, const WorkerInfo& which,
                        const std::vector<std::string>& targets,
                        std::chrono::milliseconds time, int file) noexcept {
  // Ours, so that code of the application may come back to it; its own children are
  // not.
  watch_forks([](void*) noexcept {}, nullptr);
  if (!limit_life(time)) ::_exit(0);
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  (void)::prctl(PR_SET_NAME, "monodon-rehears");
  (void)::signal(SIGPIPE, SIG_IGN);
  try {
    set_title(fmt::format("monodon: rehearsal gen {}", boot.generation));
    perform_all(app, boot, which, targets, file);
  } catch (const std::exception& e) {
    log::warning("rehearsal: " + std::string{e.what()}, {log::Id::application_warning});
  }
  ::_exit(0);
}

std::vector<Rehearsed> Rehearsal::end() {
  const int status = reap();
  std::vector<Rehearsed> all;
  for (std::string& target : targets_) all.push_back({std::move(target), {}, {}});
  const std::string text = read_all(file_.get());
  std::size_t begun = 0;
  bool runs = false;
  std::string trouble;  // before the first one began
  for (std::size_t at = 0; at < text.size() && begun <= all.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    auto told = rehearsed_from_json(std::string_view{text}.substr(at, end - at));
    at = end + 1;
    if (!told) continue;
    runs = told.value().empty();
    if (runs)
      ++begun;
    else if (begun == 0)
      trouble = std::move(told.value().front().reason);
    else if (begun <= all.size())
      all[begun - 1] = std::move(told.value().front());
  }
  // SIGKILL: its time was over, or memory was.
  const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  if (runs && !killed && begun <= all.size()) {
    all[begun - 1].ending = Ending::failed;
    all[begun - 1].reason = manner(status);
  }
  if (killed && monotonic_ns() >= over_ns_) return all;
  for (Rehearsed& one : all)
    if (one.ending == Ending::unfinished && one.reason.empty())
      one.reason = trouble.empty() ? manner(status) : trouble;
  return all;
}

}  // namespace monodon::worker
