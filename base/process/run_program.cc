// SPDX-License-Identifier: Apache-2.0
// Another program, run to its end or until its time is up.
#include "base/process/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "base/machine/system_calls.h"
#include "base/process/spawn_options.h"
#include "base/unique_fd.h"

namespace monodon {
namespace {

constexpr std::size_t kMostOutput = 16UL * 1024 * 1024;

bool is_for_a_service(std::string_view entry) {
  constexpr std::array<std::string_view, 7> kNames = {
      "LISTEN_PID=",   "LISTEN_FDS=",    "LISTEN_FDNAMES=", "NOTIFY_SOCKET=",
      "WATCHDOG_PID=", "WATCHDOG_USEC=", "FDSTORE="};
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](std::string_view name) { return entry.starts_with(name); });
}

// False: it took longer, and was killed.
bool await(pid_t pid, std::chrono::milliseconds patience) {
  const UniqueFd process = open_pidfd(pid);
  if (!process) return true;  // then there is no way but to wait for it
  const auto end = std::chrono::steady_clock::now() + patience;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    pollfd wait{process.get(), POLLIN, 0};
    const int ready =
        ::poll(&wait, 1, left.count() > 0 ? static_cast<int>(left.count()) : 0);
    if (ready > 0) return true;
    if (ready < 0 && errno == EINTR) continue;
    (void)kill_by_pidfd(process.get());
    return false;
  }
}

// That of this process, changed until this ends. (posix_spawn(3) can change that of the
// child since glibc 2.29 only.)
class WorkingDirectory {
 public:
  WorkingDirectory() = default;
  ~WorkingDirectory() {
    if (changed_) (void)::fchdir(before_.get());
  }
  WorkingDirectory(const WorkingDirectory&) = delete;
  WorkingDirectory& operator=(const WorkingDirectory&) = delete;
  // 0 or an errno.
  [[nodiscard]] int change(const std::string& path) {
    if (path.empty()) return 0;
    if (!before_ || ::chdir(path.c_str()) != 0) return before_ ? errno : EBADF;
    changed_ = true;
    return 0;
  }

 private:
  // From the beginning: who changes it may have no right to where we are.
  UniqueFd before_{::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)};
  bool changed_ = false;
};

}  // namespace

std::string content_of(int fd) {
  std::string text;
  std::array<char, 16384> block;
  while (text.size() < kMostOutput) {
    const ssize_t got =
        ::pread(fd, block.data(), block.size(), static_cast<off_t>(text.size()));
    if (got <= 0) break;
    text.append(block.data(), static_cast<std::size_t>(got));
  }
  return text;
}

std::vector<std::string> environment_of_children() {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (!is_for_a_service(*entry)) all.emplace_back(*entry);
  return all;
}

Result<Finished> run_program(const std::vector<std::string>& argv,
                             std::chrono::milliseconds patience,
                             const std::string& directory, const Credentials* user) {
  // Files and not pipes: nobody has to read while it runs.
  const UniqueFd output{::memfd_create("output", MFD_CLOEXEC)};
  const UniqueFd errors{::memfd_create("errors", MFD_CLOEXEC)};
  if (!output || !errors)
    return last_error("make room for the output of " + argv.at(0));
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const std::vector<std::string> environment = environment_of_children();
  std::vector<char*> variables;
  for (const std::string& entry : environment)
    variables.push_back(const_cast<char*>(entry.c_str()));
  variables.push_back(nullptr);

  SpawnOptions options;
  auto* const actions = options.actions();
  posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(actions, output.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(actions, errors.get(), STDERR_FILENO);
  close_on_exec_from(STDERR_FILENO + 1);
  pid_t pid = 0;
  int refused = 0;
  WorkingDirectory working_directory;
  {
    const ActingAs acting =
        user == nullptr ? ActingAs{} : ActingAs{*user, ActingAs::Ids::all};
    refused = working_directory.change(directory);
    if (refused == 0)
      refused = ::posix_spawnp(&pid, words[0], actions, options.attributes(),
                               words.data(), variables.data());
  }
  if (refused != 0) return Error{"run " + argv[0], refused};
  const bool in_time = await(pid, patience);
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) != 0) {
    if (errno != EINTR) return last_error("wait for " + argv[0]);
  }
  if (!in_time) return Error{"run " + argv[0], ETIMEDOUT};
  const int status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
  return Finished{status, content_of(output.get()), content_of(errors.get())};
}

}  // namespace monodon
