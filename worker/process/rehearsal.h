// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "worker/application.h"
#include "worker/wire/rehearsal.h"

namespace monodon::worker {

// A child of the zygote that answers a few requests inside itself and ends: how this
// code answers them, with no connection, no page, and nobody who waits for it. It is
// started and ended like a worker (pre_fork, load without preload, post_fork;
// worker_exit, child_exit), and killed when its time is over. Zygote, its one thread.
class Rehearsal {
 public:
  // Forks. In the child, `let_go` first takes from it what is a zygote's alone.
  static Result<Rehearsal> begin(Application& app, const Boot& boot,
                                 std::vector<std::string> targets,
                                 std::chrono::milliseconds time,
                                 const std::function<void()>& let_go);
  // Kills a child that is not over, and tells the application of its end.
  ~Rehearsal();
  Rehearsal(Rehearsal&&) noexcept = default;
  Rehearsal& operator=(Rehearsal&&) = delete;

  // Readable when the child is over; then end() tells what came of it, and reaps it.
  [[nodiscard]] int fd() const { return pidfd_.get(); }
  std::vector<Rehearsed> end();
  // In a worker that the zygote has forked meanwhile: the child is not its own.
  void disown() noexcept;

 private:
  Rehearsal(Application& app, const WorkerInfo& which, std::vector<std::string> targets,
            UniqueFd file, pid_t pid, UniqueFd pidfd, std::uint64_t over_ns);
  int reap();
  [[noreturn]] static void perform(Application& app, const Boot& boot,
                                   const WorkerInfo& which,
                                   const std::vector<std::string>& targets,
                                   std::chrono::milliseconds time, int file) noexcept;

  Application* app_;
  WorkerInfo which_;
  std::vector<std::string> targets_;
  UniqueFd file_;  // of what it tells
  pid_t pid_;
  UniqueFd pidfd_;
  std::uint64_t over_ns_ = 0;  // when it is killed, at the latest
};

}  // namespace monodon::worker
