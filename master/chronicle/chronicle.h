// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "master/fleet/fleet.h"
#include "scoreboard/board.h"
#include "worker/wire/settings.h"

namespace monodon::master {

// Why a worker ended, in the words of the metrics. Pure.
scoreboard::Cause cause_of(const News& gone, bool out_of_memory);

// What a line about a failure ends with: "; next try in 2 s", or nothing. Pure.
std::string next_try(Clock::duration pause);

// A worker that ended without being asked to.
struct LastDeath {
  std::int64_t unix_seconds = 0;
  std::string text;  // one sentence, safe to print
};

// Writes down what happens: every piece of news becomes a line of the log and goes to
// the board, which tools read. Decides nothing. Master only.
class Chronicle {
 public:
  explicit Chronicle(scoreboard::Board board) : board_{std::move(board)} {}

  // Where the access log is, and how it is written. At start, and with a new
  // generation.
  void use(const worker::Settings& settings) { settings_ = settings; }

  void note(const News& news);
  void note(const ZygoteNews& news);
  // `took`: since the reload was asked for.
  void note(const FleetNews& news, Clock::duration took);
  void note_exporter_start() { board_.count_exporter_start(); }
  // From now on /-/ready says no, though workers may still serve for stop_delay.
  void note_stopping() { board_.set_stopping(); }
  // Why a reload was refused or rolled back: what is known of the end of the worker
  // that was the reason. Call after note() of that end.
  [[nodiscard]] std::string reason_of(const FleetNews& news) const;
  // The state of every slot as it is now, and a sign of life. Once per turn.
  void publish(const Fleet& fleet, Clock::time_point now);

  [[nodiscard]] int board_fd() const { return board_.reader_fd(); }
  // The last few, the newest at the end. An upgrade forgets them.
  [[nodiscard]] const std::deque<LastDeath>& deaths() const { return deaths_; }

 private:
  void note_imports(const News& news, const std::string& who);
  void bury(const News& gone);

  scoreboard::Board board_;
  worker::Settings settings_;
  std::uint32_t last_buried_ = 0;  // serial
  std::string last_account_;
  std::deque<LastDeath> deaths_;
  std::uint32_t told_stale_ = 0;  // generation
};

}  // namespace monodon::master
