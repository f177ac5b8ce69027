// SPDX-License-Identifier: Apache-2.0
// Another program, run to its end or until its time is up.
#include "base/run_program.h"

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

#include "base/spawn_options.h"
#include "base/unique_fd.h"

// The header of glibc 2.36 does not say that its functions are C.
extern "C" {
#include <sys/pidfd.h>
}

namespace monodon {
namespace {

constexpr std::size_t kMostOutput = 16UL * 1024 * 1024;

bool is_for_a_service(std::string_view entry) {
  constexpr std::array<std::string_view, 6> kNames = {
      "LISTEN_PID=",    "LISTEN_FDS=",   "LISTEN_FDNAMES=",
      "NOTIFY_SOCKET=", "WATCHDOG_PID=", "WATCHDOG_USEC="};
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](std::string_view name) { return entry.starts_with(name); });
}

std::string content(int fd) {
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

// False: it took longer, and was killed.
bool await(pid_t pid, std::chrono::milliseconds patience) {
  const UniqueFd process{::pidfd_open(pid, 0)};
  if (!process) return true;  // then there is no way but to wait for it
  const auto end = std::chrono::steady_clock::now() + patience;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    pollfd wait{process.get(), POLLIN, 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(std::max(left.count(), 0L)));
    if (ready > 0) return true;
    if (ready < 0 && errno == EINTR) continue;
    (void)::pidfd_send_signal(process.get(), SIGKILL, nullptr, 0);
    return false;
  }
}

}  // namespace

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
  std::vector<char*> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!is_for_a_service(*entry)) variables.push_back(*entry);
  }
  variables.push_back(nullptr);

  SpawnOptions options;
  auto* const actions = options.actions();
  posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(actions, output.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(actions, errors.get(), STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
  if (!directory.empty())
    posix_spawn_file_actions_addchdir_np(actions, directory.c_str());
  pid_t pid = 0;
  int refused = 0;
  {
    const ActingAs acting =
        user == nullptr ? ActingAs{} : ActingAs{*user, ActingAs::Ids::all};
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
  return Finished{status, content(output.get()), content(errors.get())};
}

}  // namespace monodon
