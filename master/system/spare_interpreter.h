// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/process/spawn_with_channel.h"

namespace monodon::master {

// An interpreter that was started ahead of the next reload, and waits for its orders
// (worker/python/zygote.py): for a server under `reload`, where somebody waits for the
// edit to be served, and starting one takes longer than most imports. It is a zygote
// that was not told yet what to load. Master only, in its loop.
class SpareInterpreter {
 public:
  // What is executed, and with what.
  struct Order {
    std::vector<std::string> argv;
    std::vector<std::string> environment;
    std::vector<int> fds;  // those after the channel; -1: none
    bool operator==(const Order&) const = default;
  };

  // Starts one unless there is one for that order. One that ended by itself is not
  // started again before the next take(): it would only end again.
  void keep(const Order& order);
  // The process, the caller's to reap; nothing if there is none for that order that is
  // alive. Afterwards there is none.
  std::optional<SpawnedChild> take(const Order& order);
  // Ends and reaps it.
  void drop();
  [[nodiscard]] int pid() const { return child_ ? child_->pid : -1; }

 private:
  [[nodiscard]] bool alive() const;

  Order order_;
  std::optional<SpawnedChild> child_;
  bool tried_ = false;  // since the last take()
};

}  // namespace monodon::master
