// SPDX-License-Identifier: Apache-2.0
// Starts a program of ours that talks to us: zygote, exporter, watcher.
#include "base/process/spawn_with_channel.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/machine/system_calls.h"
#include "base/process/passed_fds.h"
#include "base/process/spawn_options.h"

namespace monodon {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> all;
  for (const std::string& s : strings) all.push_back(const_cast<char*>(s.c_str()));
  all.push_back(nullptr);
  return all;
}

}  // namespace

Result<Channel> make_channel() {
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds.data()) != 0)
    return last_error("make channel");
  Channel pair{UniqueFd{fds[0]}, UniqueFd{fds[1]}};
  // Nobody sends us any. Where the kernel cannot refuse them, who does is let go.
  (void)refuse_passed_fds(fds[0]);
  // Only our end: the zygote waits in recvmsg. The two ends share no flags.
  if (::fcntl(fds[0], F_SETFL, O_NONBLOCK) != 0) return last_error("set up channel");
  return pair;
}

int exit_status_of(const SpawnedChild& child) {
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(child.pid), &info, WEXITED) != 0)
    if (errno != EINTR) return 1;
  return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

void abandon_child(int pid) {
  (void)::kill(pid, SIGKILL);
  (void)::waitid(P_PID, static_cast<id_t>(pid), nullptr, WEXITED);
}

Result<SpawnedChild> spawn_with_channel(const std::vector<std::string>& argv,
                                        const std::vector<std::string>& environment,
                                        std::span<const int> more,
                                        const StandardStreams& streams, int held) {
  auto channel = make_channel();
  if (!channel) return channel.error();
  SpawnedChild child;
  child.channel = std::move(channel.value().ours);
  // Not one of the numbers that they are to have: the first would close the second, and
  // before glibc 2.29 a dup2 onto itself leaves it to be closed by exec.
  const int above = kChannelFd + 1 + static_cast<int>(more.size());
  SpawnOptions options;
  if (held != 0) options.hold(held);
  auto* const actions = options.actions();
  std::vector<UniqueFd> copies;
  const auto give = [&](int fd, int number) {
    copies.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, above));
    posix_spawn_file_actions_adddup2(actions, copies.back().get(), number);
    return static_cast<bool>(copies.back());
  };
  int next = 0;
  for (const int fd : {streams.input, streams.output, streams.errors})
    if (const int number = next++; fd >= 0 && !give(fd, number))
      return last_error("set up standard streams");
  if (!give(channel.value().theirs.get(), next)) return last_error("set up channel");
  for (const int fd : more)
    if (++next; fd >= 0 && !give(fd, next)) return last_error("set up channel");
  close_on_exec_from(kChannelFd);
  const int refused =
      ::posix_spawn(&child.pid, argv.at(0).c_str(), actions, options.attributes(),
                    pointers(argv).data(), pointers(environment).data());
  if (refused != 0) return Error{"execute " + argv.at(0), refused};
  child.pidfd = open_pidfd(child.pid);
  if (child.pidfd) return child;
  const Error error = last_error("watch process");
  abandon_child(child.pid);
  return error;
}

}  // namespace monodon
