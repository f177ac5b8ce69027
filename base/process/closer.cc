// SPDX-License-Identifier: Apache-2.0
// Threads that may wait in close(2).
#include "base/process/closer.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <system_error>
#include <thread>
#include <utility>

#include "base/process/passed_fds.h"

namespace monodon {

namespace {

constexpr std::chrono::seconds kPatience{10};

// A socket with all of them in its queue: one number in place of many, and whoever
// closes it closes them. None: the kernel has no room for it.
UniqueFd pack(std::vector<UniqueFd>& fds) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                   ends.data()) != 0)
    return {};
  const UniqueFd sender{ends[0]};
  UniqueFd receiver{ends[1]};
  std::vector<int> numbers;
  for (const UniqueFd& fd : fds) numbers.push_back(fd.get());
  char byte = 0;
  iovec part{&byte, 1};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  PassedFds<kMaxPassedFds> passed;
  passed.attach(message, numbers);
  if (::sendmsg(sender.get(), &message, MSG_NOSIGNAL) < 0) return {};
  fds.clear();  // they are in the queue as well, so that none of these is the last
  return receiver;
}

}  // namespace

Closer& Closer::of_process() {
  static auto* const closer = new Closer;
  return *closer;
}

void Closer::close(std::vector<UniqueFd> fds) {
  std::erase_if(fds, [](const UniqueFd& fd) { return !fd; });
  if (fds.size() > 1 && fds.size() <= kMaxPassedFds)
    if (UniqueFd packed = pack(fds)) fds.push_back(std::move(packed));
  for (UniqueFd& fd : fds) enqueue(std::move(fd));
}

void Closer::close(UniqueFd fd) {
  if (fd) enqueue(std::move(fd));
}

void Closer::enqueue(UniqueFd fd) {
  const std::lock_guard lock{mutex_};
  queue_.push_back(std::move(fd));
  if (queue_.size() > idle_ && threads_ < kMost) start_thread();
  more_.notify_one();
}

// Under mutex_. Without a thread the descriptor stays in line for the next.
void Closer::start_thread() {
  sigset_t all{};
  sigset_t before{};
  (void)::sigfillset(&all);
  (void)::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread{[this] { run(); }}.detach();
    ++threads_;
  } catch (const std::system_error&) {
    // Out of threads or memory.
  }
  (void)::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Closer::run() {
  std::unique_lock lock{mutex_};
  for (;;) {
    ++idle_;
    const bool called =
        more_.wait_for(lock, kPatience, [this] { return !queue_.empty(); });
    --idle_;
    if (!called) break;
    UniqueFd fd = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    fd.reset();
    lock.lock();
  }
  --threads_;
}

}  // namespace monodon
