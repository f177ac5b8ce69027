// SPDX-License-Identifier: Apache-2.0
// Closing what may make its last owner wait, in a process of its own.
#include "base/process/close_elsewhere.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <iterator>
#include <utility>

#include "base/machine/system_calls.h"
#include "base/net/guarded_socket.h"
#include "base/process/passed_fds.h"

namespace monodon {

namespace {

int option(int fd, int name) noexcept {
  int value = -1;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

bool open_pipe(Pipe& pipe) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  pipe = {UniqueFd{ends[0]}, UniqueFd{ends[1]}};
  return true;
}

// Until a byte or the end comes.
void await(const UniqueFd& fd) {
  char byte = 0;
  while (::read(fd.get(), &byte, 1) < 0 && errno == EINTR) {
  }
}

[[noreturn]] void outlive_others(const std::vector<UniqueFd>& fds, Pipe& alone,
                                 Pipe& done) {
  std::vector<int> kept{alone.write.get(), done.read.get()};
  for (const UniqueFd& fd : fds) kept.push_back(fd.get());
  // It must not keep a channel or a listener open if it has to wait.
  close_all_but(0, std::move(kept));
  (void)::close(alone.write.get());
  (void)::prctl(PR_SET_NAME, "monodon-closer");
  await(done.read);
  ::_exit(0);
}

// Never destroyed: exit(3) would close them and wait. A process that ends does not.
std::vector<UniqueFd>& to_be_closed() {
  static auto* const waiting = new std::vector<UniqueFd>;
  return *waiting;
}

}  // namespace

void close_elsewhere(std::vector<UniqueFd> fds) {
  std::erase_if(fds, [](const UniqueFd& fd) { return !fd; });
  to_be_closed().insert(to_be_closed().end(), std::make_move_iterator(fds.begin()),
                        std::make_move_iterator(fds.end()));
}

void carry_out_closing() {
  std::vector<UniqueFd>& waiting = to_be_closed();
  if (waiting.empty()) return;
  Pipe alone;
  Pipe done;
  if (!open_pipe(alone) || !open_pipe(done)) return;
  const pid_t child = ::fork();
  if (child == 0) outlive_others(waiting, alone, done);
  if (child < 0) return;
  alone.write.reset();
  await(alone.read);
  waiting.clear();
  done.write.reset();
}

void keep_to_the_end(int fd) noexcept {
  if (fd >= 0) (void)::fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

void GuardedSocket::reset() noexcept {
  if (!fd_) return;
  const int domain = option(fd_.get(), SO_DOMAIN);
  const bool fine = domain != AF_UNIX || refuses_passed_fds(fd_.get());
  // A packet may be empty and have descriptors; bytes of a stream are seen.
  const bool packets = !fine && option(fd_.get(), SO_TYPE) != SOCK_STREAM;
  if (fine || (!packets && !has_unread(fd_.get()))) {
    fd_.reset();
    return;
  }
  std::vector<UniqueFd> one;
  one.push_back(std::move(fd_));
  close_elsewhere(std::move(one));
}

}  // namespace monodon
