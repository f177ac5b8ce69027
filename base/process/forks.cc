// SPDX-License-Identifier: Apache-2.0
// The handlers of pthread_atfork(3).
#include "base/process/forks.h"

#include <pthread.h>

#include <atomic>

#include "base/process/own_process.h"

namespace monodon {

namespace {

LetGo let_go_of = nullptr;
void* holder_of = nullptr;
bool own_fork = false;
std::atomic<bool> forked{false};

void in_parent() {
  if (!own_fork) forked.store(true, std::memory_order_relaxed);
}

void in_child() {
  if (own_fork || let_go_of == nullptr) return;
  disown_process();
  let_go_of(holder_of);
}

}  // namespace

void watch_forks(LetGo let_go, void* holder) {
  let_go_of = let_go;
  holder_of = holder;
  forked.store(false, std::memory_order_relaxed);
  claim_process();
  // Fails for want of memory only; what asks is_stranger() holds all the same.
  static const int registered = ::pthread_atfork(nullptr, in_parent, in_child);
  (void)registered;
}

bool has_forked() noexcept {
  return forked.load(std::memory_order_relaxed);
}

OwnFork::OwnFork() noexcept {
  own_fork = true;
}

OwnFork::~OwnFork() {
  own_fork = false;
}

}  // namespace monodon
