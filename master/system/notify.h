// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "master/fleet/transaction.h"

namespace monodon::master {

// What the master is doing, for STATUS=.
struct Situation {
  std::size_t workers = 0;  // wanted
  std::size_t serving = 0;  // of any generation
  std::size_t serving_current = 0;
  std::size_t alive = 0;
  std::size_t resting = 0;             // slots that pause after a failure
  std::uint32_t generation = 0;        // the goal; 0: none yet
  ReloadStep step = ReloadStep::none;  // of a reload
  std::uint32_t reload = 0;            // the generation that it brings in
  std::string fell_back;               // the code committed last is not kept: why
  bool stopping = false;
  Clock::duration stops_in{};  // stopping: what is left of stop_delay
  std::string failure;         // nothing was ever served: why, in one line
};

// One line without a newline. Pure.
std::string status_text(const Situation& situation);

// "RELOADING=1\nMONOTONIC_USEC=..." (sd_notify(3)). Pure.
std::string reloading_text(Clock::time_point now);

// Sends a message of sd_notify(3), with at most one descriptor. Other than that
// function it never waits: a systemd that does not read must not stop the supervision.
// False: nobody is there (no NOTIFY_SOCKET), or it was refused (EAGAIN when nobody
// reads, ENOBUFS, ENOMEM).
bool send_to_systemd(std::string_view text, std::span<const int> fds = {});

// Waits until systemd has read what was sent before (sd_notify_barrier(3)): it closes
// the descriptor that comes last. False: nobody is there, or it takes longer.
bool await_systemd(std::chrono::milliseconds patience);

// Speaks sd_notify(3) to whoever started us; silent where nobody listens.
// Never waits: a message that is refused (EAGAIN when nobody reads, ENOBUFS, ENOMEM)
// goes out later. Master only, one thread.
class Notifier {
 public:
  // Reads WATCHDOG_USEC and WATCHDOG_PID (sd_watchdog_enabled(3)) from the environment.
  Notifier();

  void ready();  // and again, when a reload is over
  void reloading(Clock::time_point now);
  void stopping();
  // Sends the last of these three again if it was refused. Every tick.
  void repeat();
  // Only when the text differs from the last one.
  void status(const std::string& text);
  // Extends the start or reload timeout; asks for `by` from now.
  void extend(Clock::duration by);

  // WATCHDOG=1 goes out when `now` is past the time that next_beat() said.
  void beat(Clock::time_point now);
  [[nodiscard]] Clock::time_point next_beat() const { return next_beat_; }

 private:
  [[nodiscard]] bool send(const std::string& text) const;
  void state(std::string text);
  bool heard_;  // somebody listens
  std::string untold_;
  std::string status_;
  Clock::duration watchdog_{};  // half of the period; zero: none
  Clock::time_point next_beat_ = Clock::time_point::max();
};

}  // namespace monodon::master
