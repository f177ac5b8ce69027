// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/wire/heritage.h"
#include "worker/wire/wire.h"

namespace monodon::worker {

// A worker's end of the channel to its master: reports up, orders down. A worker
// without a master (benchmarks, tests) has no channel; what it sends is lost.
class MasterLine {
 public:
  // `heritage` outlives the line; the channel stays its.
  explicit MasterLine(const Heritage& heritage) : heritage_{heritage} {}

  [[nodiscard]] int fd() const noexcept { return heritage_.channel.get(); }

  // Any thread. Errors as wire::send.
  Outcome tell(wire::Kind kind, std::int64_t value = 0, std::string_view text = {});

  // Any thread. Comes to the master once it reads again (report_again); of a kind that
  // already waits for that, nothing more is kept.
  void report(wire::Kind kind, std::int64_t value, std::string_view text = {});
  // The keeper, every round.
  void report_again();

  // Any thread. The worker wants to be replaced; only the first reason is reported.
  void ask_to_retire(wire::Retire why);

  // Whoever leads: gives each message that has come to `act`. False: the master is
  // gone.
  template <typename Act>
  [[nodiscard]] bool read(Act act) {
    for (;;) {
      auto got = wire::receive(fd());
      if (!got) return got.error().code != ECONNRESET;
      act(std::move(got).value());
    }
  }

 private:
  struct Report {
    wire::Kind kind;
    std::int64_t value;
    std::string text;
  };

  const Heritage& heritage_;
  std::mutex mutex_;
  std::vector<Report> unsent_;  // under mutex_
  std::atomic<bool> retiring_{false};
};

}  // namespace monodon::worker
