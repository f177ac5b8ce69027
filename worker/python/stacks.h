// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pthread.h>

#include <mutex>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace monodon::python {

// Python stacks of all threads, taken without the GIL, so also while a thread is stuck
// in C with the GIL held. faulthandler's own handler of one signal writes them to a
// memfd; the thread that asks raises that signal for itself, so no other thread's
// system call is interrupted. Whoever holds the GIL is named, where the interpreter
// tells (worker/python/gil.h).
class Stacks {
 public:
  // Worker, main thread, under the GIL, after fork. Without faulthandler there are no
  // stacks, and a warning says so.
  void arm();

  // Any thread, under the GIL, before it runs the application: its name for the text.
  void name_this_thread(std::string name);

  // Keeper thread, without the GIL. "" when not armed. One caller at a time.
  [[nodiscard]] std::string take();

 private:
  struct Name {
    pthread_t thread;
    std::string text;
    const void* state;  // its PyThreadState
  };
  UniqueFd memory_;
  std::mutex mutex_;
  std::vector<Name> names_;
};

}  // namespace monodon::python
