// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "worker/application.h"
#include "worker/wire/settings.h"

namespace monodon::worker {

class Loop;
class OpenFlight;

// The open WebSockets of a worker: who is to be read, who is sent a ping, and who is
// closed while the worker drains. The main thread's, but for the two that are said to
// be any thread's.
class WebSockets {
 public:
  // Outlives it.
  explicit WebSockets(Loop& loop);
  ~WebSockets();

  // A request for one is in the air.
  void expect(OpenFlight& flight);
  // It was accepted; it is over, and its flight lands.
  void opened(OpenFlight& flight);
  void closed(OpenFlight& flight);

  // News of one that is open.
  void hear(OpenFlight& flight, News news);
  void read_later(OpenFlight& flight);
  [[nodiscard]] bool any_to_read() const noexcept { return !to_read_.empty(); }
  // What is due, once in each turn.
  void work();

  // Any thread: has work() look as soon as possible.
  void ring() noexcept;
  // Any thread; the keeper: likewise, if its time has come.
  void ring_if_due(std::uint64_t now_ns) noexcept;

  [[nodiscard]] const Settings& settings() const noexcept { return settings_; }

 private:
  static constexpr std::size_t kScratch = 64UL * 1024;

  void read(OpenFlight& flight, std::uint64_t now_ns);
  void tell_if_news(OpenFlight& flight);
  void look_at_all(std::uint64_t now_ns);
  std::uint64_t drain(std::uint64_t now_ns);

  Loop& loop_;
  const Settings& settings_;
  std::unique_ptr<char[]> scratch_;  // once there is one
  std::vector<OpenFlight*> to_read_;
  std::size_t open_ = 0;
  std::atomic<std::uint64_t> due_ns_{~0ULL};  // CLOCK_MONOTONIC; ~0: nothing is
  std::atomic<bool> rung_{false};
  std::uint64_t drain_since_ns_ = 0;
  std::size_t to_close_ = 0;
  std::size_t closed_ = 0;
};

}  // namespace monodon::worker
