// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace monodon::worker {

// How far a worker is in leaving, and what that means for connections between two
// requests. States are only ever passed downwards in this table, one at a time or not:
//
//                      takes from  hands    closes
//                      the pair    on       silent ones
//   serving            yes         yes      no
//   to_others          no          yes      no    other workers of this master take
//   them to_heirs           no          yes      yes   workers of the next master will:
//   the
//                                                 pair is kept (Boot::stored)
//   alone              yes         no       yes   nobody will, now or ever
//   over               no          no       yes   all threads leave the loop
//
// "The pair" is the handoff pair of all workers (worker/wire/handoff.h). Any thread.
class Drain {
 public:
  enum class State : std::uint8_t { serving, to_others, to_heirs, alone, over };

  // Returns the state before; nothing changes unless `to` is further down.
  State pass_to(State to) noexcept {
    State seen = state_.load();
    while (seen < to && !state_.compare_exchange_weak(seen, to)) {
    }
    return seen;
  }

  [[nodiscard]] bool under_way() const noexcept { return state() != State::serving; }
  [[nodiscard]] bool over() const noexcept { return state() == State::over; }
  // Connections that wait in the pair are this worker's to take.
  [[nodiscard]] bool takes() const noexcept { return conduct().takes; }
  // There is, or will be, somebody to take what this worker puts into the pair.
  [[nodiscard]] bool hands_on() const noexcept { return conduct().hands_on; }
  // A kept-alive connection whose client says nothing may be closed: it could wait for
  // the heirs at best.
  [[nodiscard]] bool closes_silent() const noexcept { return conduct().closes_silent; }

  // What the leader holds between the pair and the connection pool is in neither; the
  // keeper must not take this worker for empty meanwhile. No state of its own: it may
  // be so in any of them.
  void set_taking(bool taking) noexcept { taking_ = taking; }
  [[nodiscard]] bool taking() const noexcept { return taking_; }

 private:
  struct Conduct {
    State state;
    bool takes, hands_on, closes_silent;
  };
  static constexpr std::array<Conduct, 5> kConduct{{
      {State::serving, true, true, false},
      {State::to_others, false, true, false},
      {State::to_heirs, false, true, true},
      {State::alone, true, false, true},
      {State::over, false, false, true},
  }};
  static consteval bool in_order() {
    for (std::size_t i = 0; i < kConduct.size(); ++i)
      if (kConduct[i].state != static_cast<State>(i)) return false;
    return kConduct.back().state == State::over;
  }

  [[nodiscard]] State state() const noexcept { return state_.load(); }
  [[nodiscard]] const Conduct& conduct() const noexcept {
    static_assert(in_order(), "a row for each state, in the order of the enum");
    return kConduct[static_cast<std::size_t>(state())];
  }

  std::atomic<State> state_{State::serving};
  std::atomic<bool> taking_{false};
};

}  // namespace monodon::worker
