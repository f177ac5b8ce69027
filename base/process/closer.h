// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <vector>

#include "base/unique_fd.h"

namespace monodon {

// Closes descriptors that a stranger has, or may have sent in a message that nobody
// read: whoever closes them last may have to wait for as long as the stranger likes
// (see passed_fds.h). Here a thread does that has nothing else to do; while it waits,
// others are started. They block all signals and end when there was nothing to do for a
// while.
//
// For processes with threads; the master has close_elsewhere(). One object for the life
// of a process: its threads outlive everybody. Not after a fork(2) in between.
class Closer {
 public:
  static Closer& of_process();

  // Any thread; does not wait. Several at once take one descriptor's number until the
  // first of them is closed. With kMost threads that wait already, the rest waits in
  // line.
  void close(std::vector<UniqueFd> fds);
  void close(UniqueFd fd);

 private:
  static constexpr unsigned kMost = 64;

  Closer() = default;
  void enqueue(UniqueFd fd);
  void start_thread();
  void run();

  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<UniqueFd> queue_;  // under mutex_
  unsigned threads_ = 0;        // under mutex_
  unsigned idle_ = 0;           // under mutex_
};

}  // namespace monodon
