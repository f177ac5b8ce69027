// SPDX-License-Identifier: Apache-2.0
// The master's one door to the kernel: processes, signals, channels.
#include "master/system/linux_kernel.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>

#include "base/machine/system_calls.h"
#include "base/process/removed_directory.h"
#include "base/process/spawn_with_channel.h"
#include "base/text/number.h"
#include "master/system/memory_limit.h"
#include "metrics/application/application_region.h"
#include "scoreboard/page_view.h"
#include "scoreboard/segment.h"
#include "worker/wire/heritage.h"
#include "worker/wire/zygote_signals.h"

namespace monodon::master {

namespace {

// "Too many references: cannot splice" says nothing to anybody (unix(7)).
Error not_sent(std::string what, int code) {
  if (code == ETOOMANYREFS)
    what +=
        ": the processes of this user have as many descriptors in messages that "
        "nobody has read as LimitNOFILE= allows";
  return Error{std::move(what), code};
}

struct Page {
  UniqueFd writable;
  UniqueFd readable;
};

Result<Page> make_page(std::size_t threads) {
  auto writable = scoreboard::make_page(threads);
  if (!writable) return writable.error();
  auto readable = scoreboard::read_only_copy(writable.value().get());
  if (!readable) return readable.error();
  return Page{std::move(writable).value(), std::move(readable).value()};
}

std::uint64_t microseconds(const timeval& t) {
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000U +
         static_cast<std::uint64_t>(t.tv_usec);
}

bool is_known(std::span<const int> known, int pid) {
  return std::find(known.begin(), known.end(), pid) != known.end();
}

std::vector<int> children() {
  const auto self = std::to_string(::getpid());  // one thread: its number is the pid
  std::ifstream file{"/proc/self/task/" + self + "/children"};
  return {std::istream_iterator<int>{file}, {}};
}

constexpr Clock::duration kStartPrecision = std::chrono::milliseconds{30};

// Of the process, on our clock; nothing if /proc does not show it. It is said there in
// clock ticks after the boot, with the time that the machine was asleep.
std::optional<Clock::time_point> started_at(int pid) {
  constexpr int kAfterName = 19;  // proc(5): field 22, of which two go before the name
  std::ifstream file{"/proc/" + std::to_string(pid) + "/stat"};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  std::istringstream fields{
      text.substr(std::min(text.rfind(')'), text.size() - 1) + 1)};
  std::string field;
  for (int i = 0; i <= kAfterName; ++i) fields >> field;
  const auto ticks = parse_number(field);
  timespec boot{};
  if (!ticks || ::clock_gettime(CLOCK_BOOTTIME, &boot) != 0) return std::nullopt;
  const std::chrono::nanoseconds since_boot =
      std::chrono::seconds{boot.tv_sec} + std::chrono::nanoseconds{boot.tv_nsec};
  const auto per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  const std::chrono::milliseconds start{
      static_cast<std::int64_t>(*ticks * 1000 / per_second)};
  return Clock::now() - std::chrono::duration_cast<Clock::duration>(since_boot - start);
}

// True if it has ended; it is reaped then.
bool end_child(int pid) {
  constexpr int kPatienceMs = 1000;
  const UniqueFd pidfd = open_pidfd(pid);
  if (!pidfd || ::kill(pid, SIGKILL) != 0) return false;
  pollfd death{pidfd.get(), POLLIN, 0};
  while (::poll(&death, 1, kPatienceMs) < 0 && errno == EINTR) {
  }
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG) == 0 &&
         info.si_pid == pid;
}

Process process_of(SpawnedChild child) {
  Process process;
  process.pid = child.pid;
  process.pidfd = std::move(child.pidfd);
  process.channel = std::move(child.channel);
  return process;
}

Result<Process> process_of(Result<SpawnedChild> child) {
  if (!child) return child.error();
  return process_of(std::move(child).value());
}

// The process that has run the gunicorn.conf.py of this generation, where there is one.
std::optional<Process> take_over(const ZygoteOrder& order, int modules) {
  if (!order.take_process) return std::nullopt;
  std::vector<int> fds{STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
  std::vector<int> numbers{fds};
  const auto give = [&](int fd, int number) {
    if (fd < 0) return;
    fds.push_back(fd);
    numbers.push_back(number);
  };
  give(metrics::application_region(), metrics::kRegionFd);
  give(modules, worker::kModulesFd);
  auto child = order.take_process(std::move(fds), std::move(numbers));
  if (!child) return std::nullopt;
  return process_of(std::move(*child));
}

}  // namespace

Result<Process> LinuxKernel::start_helper(const std::vector<std::string>& argv,
                                          const std::vector<std::string>& environment,
                                          int more) {
  auto spawned = process_of(
      spawn_with_channel(argv, environment, {&more, 1}, {}, wire::kHeldUntilZygote));
  note_start(spawned);
  return spawned;
}

void LinuxKernel::note_start(const Result<Process>& spawned) {
  if (spawned) started_.push_back(spawned.value().pid);
}

Result<Process> LinuxKernel::start_interpreter(const ZygoteOrder& order) {
  last_ = {
      order.argv, order.environment, {metrics::application_region(), modules_.get()}};
  if (auto spare = spare_.take(*last_)) return process_of(std::move(*spare));
  return process_of(spawn_with_channel(last_->argv, last_->environment, last_->fds, {},
                                       wire::kHeldUntilZygote));
}

void LinuxKernel::keep_spare() {
  if (last_) spare_.keep(*last_);
}

Result<Process> LinuxKernel::start_zygote(const ZygoteOrder& order) {
  const std::string boot = worker::to_json(order.boot);
  if (boot.size() > wire::kMaxText)
    return Error{"start zygote: the settings are larger than 64 KiB", E2BIG};
  static_assert(kChannelFd == worker::kZygoteChannel);
  static_assert(metrics::kRegionFd == worker::kZygoteChannel + 1);
  static_assert(worker::kModulesFd == metrics::kRegionFd + 1);
  auto taken = take_over(order, modules_.get());
  auto spawned = taken ? Result<Process>{std::move(*taken)} : start_interpreter(order);
  if (taken) last_.reset();
  note_start(spawned);
  if (!spawned)
    return Error{"start zygote: " + spawned.error().what, spawned.error().code};
  Process process = std::move(spawned).value();
  // Without its orders it would wait until boot_timeout. A broken pipe is its death,
  // which is noticed, and told with its status, by itself.
  const auto sent = wire::send(
      process.channel.get(),
      {.kind = wire::Kind::boot, .generation = order.boot.generation}, boot, order.fds);
  if (!sent && sent.error().code != EPIPE && sent.error().code != ECONNRESET) {
    abandon_child(process.pid);
    return not_sent("tell the zygote what to load", sent.error().code);
  }
  return process;
}

Result<Process> LinuxKernel::ask_for_worker(const Process& zygote,
                                            const wire::Frame& order,
                                            std::size_t threads) {
  auto page = make_page(threads);
  if (!page) return page.error();
  auto channel = make_channel();
  if (!channel) return channel.error();
  // A worker awaits its channel among many descriptors.
  if (::fcntl(channel.value().theirs.get(), F_SETFL, O_NONBLOCK) != 0)
    return last_error("set up channel");

  note_children(order.serial);
  const std::array<int, 2> fds{channel.value().theirs.get(),
                               page.value().writable.get()};
  if (auto sent = wire::send(zygote.channel.get(), order, {}, fds); !sent)
    return not_sent("ask the zygote for a worker", sent.error().code);
  Process process;
  process.channel = std::move(channel.value().ours);
  process.page = std::move(page.value().readable);
  process.serial = order.serial;
  return process;
}

Result<UniqueFd> LinuxKernel::adopt(int pid) {
  UniqueFd pidfd = open_pidfd(pid);
  if (!pidfd) return last_error("watch worker");
  // ECHILD unless it is our child; WNOWAIT leaves a dead one to be reaped.
  siginfo_t info{};
  if (::waitid(P_PIDFD, static_cast<id_t>(pidfd.get()), &info,
               WEXITED | WNOHANG | WNOWAIT) != 0)
    return last_error("adopt worker");
  return pidfd;
}

void LinuxKernel::note_children(std::uint32_t serial) {
  std::vector<Older> now;
  for (const int pid : children()) {
    const auto known = std::find_if(older_.begin(), older_.end(),
                                    [&](const Older& o) { return o.pid == pid; });
    now.push_back(known == older_.end() ? Older{pid, serial} : *known);
  }
  older_ = std::move(now);
}

Outcome LinuxKernel::check_worker(const wire::Frame& forked, int zygote,
                                  Clock::time_point ordered) const {
  const int pid = static_cast<int>(forked.value);
  if (is_known(started_, pid)) return Error{"the master started that one itself"};
  const pid_t session = ::getsid(pid);
  if (session < 0) return last_error("it has no session");
  // post_fork may have called setsid(2), and a zygote in development has not.
  if (session != ::getsid(zygote) && session != pid)
    return Error{fmt::format("it is in session {}", session)};
  if (std::any_of(older_.begin(), older_.end(), [&](const Older& o) {
        return o.pid == pid && o.serial <= forked.serial;
      }))
    return Error{"it was there before the order"};
  // ProtectProc=invisible of systemd.exec(5) hides a worker from us until it has undone
  // its zygote's PR_SET_DUMPABLE: then the rest has to be enough.
  const auto started = started_at(pid);
  if (!started || *started >= ordered - kStartPrecision) return ok();
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(ordered - *started);
  return Error{fmt::format("it is {} ms older than the order", ms.count())};
}

Outcome LinuxKernel::tell(const Process& process, const wire::Frame& frame,
                          std::span<const int> fds, std::string_view text) {
  return wire::send(process.channel.get(), frame, text, fds);
}

bool LinuxKernel::lacks_its_directory(const Process& process) const {
  return !removed_directory_of(process.pid).empty();
}

void LinuxKernel::ask_for_stacks(const Process& process) {
  (void)signal_by_pidfd(process.pidfd.get(), wire::stacks_signal());
}

Outcome LinuxKernel::kill(const Process& process) {
  if (!kill_by_pidfd(process.pidfd.get())) return last_error("kill process");
  return ok();
}

Rumour LinuxKernel::listen(const Process& process, std::size_t threads) const {
  const auto page = scoreboard::PageView::open(process.page.get(), threads);
  if (!page) return {};
  const scoreboard::WorkerReport report = page.value().read();
  const bool busy = std::any_of(report.threads.begin(), report.threads.end(),
                                [](const auto& t) { return t.started_ns != 0; });
  Traffic traffic;
  constexpr std::size_t kServerErrors = 4;  // 1xx to 5xx, then what got no answer
  for (std::size_t i = 0; i <= kServerErrors; ++i)
    traffic.answers += report.totals.responses[i];
  traffic.errors = report.totals.responses[kServerErrors];
  return {report.heartbeat_ns, busy, traffic};
}

std::vector<Sighting> LinuxKernel::sightings(const Process& process,
                                             std::size_t threads) const {
  std::vector<Sighting> all;
  const auto page = scoreboard::PageView::open(process.page.get(), threads);
  if (!page) return all;
  for (const scoreboard::SightingReport& one : page.value().sightings()) {
    Sighting sighting{
        (one.secure ? "https://" : "http://") + one.host + one.path, {}, one.seen_ns};
    for (const std::uint64_t client : one.clients)
      if (client != 0) sighting.clients.push_back(client);
    all.push_back(std::move(sighting));
  }
  return all;
}

bool LinuxKernel::is_short_of_memory() {
  const auto use = read_memory_use(oom_.directory());
  return use && is_short(*use);
}

std::optional<Death> LinuxKernel::reap(const Process& process) {
  siginfo_t info{};
  rusage used{};
  // The system call has an argument more than the function of the C library.
  const long r = ::syscall(SYS_waitid, P_PIDFD, process.pidfd.get(), &info,
                           WEXITED | WNOHANG, &used);
  // ECHILD: reaped behind our back. It is gone all the same, nobody knows how.
  if (r != 0) return errno == ECHILD ? std::optional<Death>{Death{}} : std::nullopt;
  if (info.si_pid == 0) return std::nullopt;
  std::erase(started_, info.si_pid);
  const bool killed = info.si_code != CLD_EXITED && info.si_status == SIGKILL;
  const bool out_of_memory = killed && oom_.explains_death(now());
  const auto memory = out_of_memory ? read_memory_use(oom_.directory()) : std::nullopt;
  constexpr std::uint64_t kKiB = 1024;
  return Death{.by_signal = info.si_code != CLD_EXITED,
               .core_dumped = info.si_code == CLD_DUMPED,
               .code = info.si_status,
               .cpu_us = microseconds(used.ru_utime) + microseconds(used.ru_stime),
               .out_of_memory = out_of_memory,
               .peak_bytes = static_cast<std::uint64_t>(used.ru_maxrss) * kKiB,
               .memory_limit = memory ? memory->limit : 0};
}

int LinuxKernel::reap_strangers(std::span<const int> known) {
  constexpr int kPerTurn = 256;  // the rest comes with the next SIGCHLD
  for (int reaped = 0; reaped < kPerTurn; ++reaped) {
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) return reaped;
    if (info.si_pid == 0 || is_known(known, info.si_pid)) return reaped;
    const auto pid = static_cast<id_t>(info.si_pid);
    (void)::waitid(P_PID, pid, &info, WEXITED | WNOHANG);
  }
  return kPerTurn;
}

int LinuxKernel::end_strangers(std::span<const int> spared) {
  constexpr int kGenerations = 64;  // one that forks faster than it can be killed
  int ended = 0;
  for (int i = 0; i < kGenerations; ++i) {
    const int before = ended;
    for (const int pid : children())
      if (!is_known(spared, pid) && end_child(pid)) ++ended;
    if (ended == before) break;
  }
  return ended;
}

Outcome check_kernel() {
  const char* call = refused_call();
  if (call == nullptr) return ok();
  const int code = errno;
  return Error{fmt::format("the kernel or a sandbox refuses {}, which takes Linux 5.10 "
                           "or newer and a sandbox that knows it",
                           call),
               code};
}

void become_master() {
  // Whose parent has ended becomes a child of process 1 anyway.
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 && ::getpid() != 1)
    throw std::system_error{
        errno, std::generic_category(),
        "prctl(2) with PR_SET_CHILD_SUBREAPER is refused, by an old QEMU for example; "
        "as process 1, of a container say, it is not needed"};
  if (::prctl(PR_SET_DUMPABLE, 0) != 0)
    throw std::system_error{errno, std::generic_category(), "close own memory"};
}

}  // namespace monodon::master
