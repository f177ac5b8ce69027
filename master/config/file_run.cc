// SPDX-License-Identifier: Apache-2.0
// Runs a gunicorn.conf.py in the process that becomes the zygote.
#include "master/config/file_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/files/install_paths.h"
#include "base/machine/system_calls.h"
#include "base/net/guarded_socket.h"
#include "base/process/close_elsewhere.h"
#include "base/process/passed_fds.h"
#include "base/process/run_program.h"
#include "base/text/number.h"
#include "master/config/code_runner.h"
#include "worker/wire/wire.h"

namespace monodon::master {
namespace {

constexpr std::size_t kTitleRoom = 512;  // as master/reload/proposal.cc

Credentials own_credentials() {
  Credentials own{::geteuid(), ::getegid(), {}};
  own.groups.resize(static_cast<std::size_t>(std::max(0, ::getgroups(0, nullptr))));
  const int count = ::getgroups(static_cast<int>(own.groups.size()), own.groups.data());
  own.groups.resize(static_cast<std::size_t>(std::max(0, count)));
  return own;
}

// The group itself may be among the others, or not.
bool same(const Credentials& a, const Credentials& b) {
  const auto all = [](Credentials c) {
    c.groups.push_back(c.gid);
    std::ranges::sort(c.groups);
    // Not std::ranges::unique: clang 14, which builds the fuzz targets, lacks it.
    c.groups.erase(std::unique(c.groups.begin(), c.groups.end()), c.groups.end());
    return c.groups;
  };
  return a.uid == b.uid && a.gid == b.gid && all(a) == all(b);
}

// After SIGKILL. Who waits for a disk in the kernel does not; then SIGCHLD tells of the
// end, whenever that is.
bool ends_soon(int pidfd) {
  constexpr int kPatienceMs = 1'000;
  pollfd wait{pidfd, POLLIN, 0};
  return ::poll(&wait, 1, kPatienceMs) > 0;
}

// Directories that PYTHONPATH names: code is taken from them, too.
void add_python_path(const std::vector<std::string>& environment,
                     std::vector<std::string>& code) {
  constexpr std::string_view kName = "PYTHONPATH=";
  for (const std::string& entry : environment) {
    if (!entry.starts_with(kName)) continue;
    for (std::size_t at = kName.size(); at <= entry.size();) {
      const std::size_t end = std::min(entry.find(':', at), entry.size());
      if (entry[at] == '/') code.push_back(entry.substr(at, end - at));
      at = end + 1;
    }
  }
}

std::vector<std::string> environment_with(const std::vector<std::string>& more) {
  std::vector<std::string> all = environment_of_children();
  for (const std::string& entry : more) {
    const std::string name = entry.substr(0, entry.find('=') + 1);
    std::erase_if(all, [&](const std::string& one) { return one.starts_with(name); });
    all.push_back(entry);
  }
  return all;
}

mode_t own_umask() {
  const mode_t mask = ::umask(0);
  (void)::umask(mask);
  return mask;
}

}  // namespace

Result<std::shared_ptr<FileRun>> FileRun::start(FileToRun order) {
  const auto script = find_in_libdir("zygote.py");
  if (!script) return script.error();
  std::vector<std::string> code = {order.directory, order.python};
  if (order.name.starts_with('/')) code.insert(code.begin(), order.name);
  add_python_path(order.environment, code);
  auto runner = code_runner(order.user, code, order.group);
  if (!runner) return Error{order.name + ": " + runner.error().message(), 0};
  const std::shared_ptr<FileRun> run{new FileRun{std::move(order)}};
  run->user_ = std::move(runner).value();
  run->started_by_ = ::geteuid();
  const FileToRun& what = run->order_;
  // Files and not pipes: nobody has to read while it runs.
  run->output_.reset(::memfd_create("values", MFD_CLOEXEC));
  run->errors_.reset(::memfd_create("errors", MFD_CLOEXEC));
  const UniqueFd nothing{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  if (!run->output_ || !run->errors_ || !nothing)
    return last_error("make room for what " + what.name + " says");
  std::vector<std::string> argv{what.python,    script.value(),
                                "--file",       what.name,
                                what.directory, std::string(kTitleRoom, ' ')};
  argv.insert(argv.end(), what.argv.begin(), what.argv.end());
  const ActingAs acting =
      run->user_ ? ActingAs{*run->user_, ActingAs::Ids::all} : ActingAs{};
  auto child =
      spawn_with_channel(argv, environment_with(what.environment), {},
                         {nothing.get(), run->output_.get(), run->errors_.get()});
  if (!child) {
    const std::string who =
        run->user_ ? " as " + name_of_user(run->user_->uid) : std::string{};
    return Error{what.name + who + ": " + child.error().message(), 0};
  }
  run->child_ = std::move(child).value();
  return run;
}

// What it may have sent and nobody has read must not hold us up.
FileRun::~FileRun() {
  const GuardedSocket channel{std::move(child_.channel)};
}

bool FileRun::over() const {
  pollfd wait{fd(), POLLIN, 0};
  return ::poll(&wait, 1, 0) > 0;
}

void FileRun::await(std::chrono::milliseconds patience) {
  const auto limit = std::chrono::steady_clock::now() + patience;
  pollfd wait{fd(), POLLIN, 0};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        limit - std::chrono::steady_clock::now());
    const auto ms = std::max<std::int64_t>(0, left.count());
    const int ready =
        ::poll(&wait, 1, patience.count() == 0 ? -1 : static_cast<int>(ms));
    if (ready > 0) return;
    if (ready == 0) return end(patience);
  }
}

void FileRun::end(std::chrono::milliseconds patience) {
  (void)kill_by_pidfd(child_.pidfd.get());
  overdue_ = fmt::format(
      "{}: has not come to its end within {}, see boot_timeout", order_.name,
      format_duration_ms(static_cast<std::uint64_t>(patience.count())));
}

Result<std::string> FileRun::values() {
  std::array<char, 8> word{};
  std::vector<UniqueFd> strangers;
  const ssize_t got = receive_guarded(fd(), word, strangers);
  close_elsewhere(std::move(strangers));
  if (overdue_.empty() && got > 0) {
    has_values_ = true;
    return content_of(output_.get());
  }
  // It has ended, or has closed its channel: then nobody can speak to it.
  (void)kill_by_pidfd(child_.pidfd.get());
  if (!ends_soon(child_.pidfd.get()))
    return Error{(overdue_.empty() ? order_.name + ": cannot be run" : overdue_) +
                     "; its process does not die of SIGKILL: it may wait for a disk",
                 0};
  const int status = exit_status_of(child_);
  child_.pid = -1;
  if (!overdue_.empty()) return Error{overdue_, 0};
  exit_status_ = status;
  std::string why = content_of(errors_.get());
  if (why.empty())
    why = fmt::format("it has ended the process, with status {}", status);
  return Error{fmt::format("{}: cannot be run by {}{}:\n{}", order_.name, order_.python,
                           user_ ? " as " + name_of_user(user_->uid) : "", why),
               0};
}

std::optional<SpawnedChild> FileRun::take(const std::string& python,
                                          const Position& position) {
  if (!std::exchange(has_values_, false)) return std::nullopt;
  SpawnedChild child = std::exchange(child_, SpawnedChild{});
  const Credentials wanted = own_credentials();
  const bool fits = python == order_.python && (!user_ || same(*user_, wanted));
  if (!fits) {  // it ends with its channel
    const GuardedSocket last{std::move(child.channel)};
    return std::nullopt;
  }
  nlohmann::json user = nullptr;
  // Root has run it, in whose place we are that user by now.
  if (!user_ && wanted.uid != started_by_)
    user = {{"uid", wanted.uid}, {"gid", wanted.gid}, {"groups", wanted.groups}};
  const std::string text = nlohmann::json{
      {"arguments", position.arguments},
      {"numbers", position.numbers},
      {"umask", own_umask()},
      {"user",
       std::move(user)}}.dump();
  const auto sent =
      wire::send(child.channel.get(), {.kind = wire::Kind::boot}, text, position.fds);
  if (!sent) return std::nullopt;
  return child;
}

}  // namespace monodon::master
