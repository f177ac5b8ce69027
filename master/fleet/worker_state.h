// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace monodon::master {

// The life of one worker slot, as the master sees it.
//
//   vacant --asked--> forking --forked--> starting --ready--> serving
//     ^                  |                    |                  |
//     +----unforked------+                    +------ drain -----+--> draining
//                                             |                  |       |
//                                             +--- hung_up ------+--> lost
//
//   A deadline in starting or lost leads to condemned, in draining to killed.
//   Any state that has a process --exited--> vacant.
//
// killed is a worker that we asked to go and that did not; condemned one that we never
// asked. Only the end of the first is no failure.
//
// Pure: no clock, no pid, no system call. master/fleet/pool.cc performs the Effect of a
// step.
enum class State : std::uint8_t {
  vacant,
  forking,    // the zygote was asked; no pid is known
  starting,   // has a process that does not accept yet
  serving,    // said that it accepts connections
  draining,   // asked to finish what it runs and to leave
  lost,       // its channel is at its end: it is dying, or broken
  killed,     // sent SIGKILL, after it was asked to go
  condemned,  // sent SIGKILL without having been asked
};

enum class Event : std::uint8_t {
  asked,     // a fork request went to the zygote
  forked,    // the zygote named the pid, and it is our child
  unforked,  // the zygote could not, or is dead: no process will come
  ready,     // the worker accepts connections
  drain,     // the planner wants this worker gone
  deadline,  // the timer of the current state ran out
  hung_up,   // end of file on the worker's channel
  exited,    // the process was reaped
};

enum class Effect : std::uint8_t {
  none,
  arm_boot_timer,
  disarm_timer,
  ask_to_drain,  // send `drain` and arm the drain timer
  await_exit,    // arm a short timer: a process that hung up is about to exit
  kill,          // SIGKILL, and arm the "even SIGKILL did not help" timer
  blame_zygote,  // it does not answer: kill it; its death answers for it
  complain,      // log: the process does not die (uninterruptible sleep?)
  release,       // expected end: the slot may be filled at once
  rest,          // no process came to be: the slot rests
  count_failed,  // ended before its first `ready`: the slot rests
  count_crash,   // ended while serving: the slot rests
  bug,           // cannot happen if the caller matched serials: count and go on
};

struct Step {
  State next;
  Effect effect;
};

struct Rule {
  State from;
  Event on;
  Step then;
};

inline constexpr std::size_t kStates = 8;
inline constexpr std::size_t kEvents = 8;

// One line for every pair. `ready`, `drain` and `hung_up` race with our own signals, so
// no state that has a process treats them as an error.
// clang-format off
inline constexpr std::array<Rule, kStates * kEvents> kRules = {{
    {State::vacant,    Event::asked,    {State::forking,   Effect::arm_boot_timer}},
    {State::vacant,    Event::forked,   {State::vacant,    Effect::bug}},
    {State::vacant,    Event::unforked, {State::vacant,    Effect::bug}},
    {State::vacant,    Event::ready,    {State::vacant,    Effect::bug}},
    {State::vacant,    Event::drain,    {State::vacant,    Effect::none}},
    {State::vacant,    Event::deadline, {State::vacant,    Effect::bug}},
    {State::vacant,    Event::hung_up,  {State::vacant,    Effect::bug}},
    {State::vacant,    Event::exited,   {State::vacant,    Effect::bug}},

    {State::forking,   Event::asked,    {State::forking,   Effect::bug}},
    {State::forking,   Event::forked,   {State::starting,  Effect::none}},
    {State::forking,   Event::unforked, {State::vacant,    Effect::rest}},
    {State::forking,   Event::ready,    {State::forking,   Effect::bug}},
    {State::forking,   Event::drain,    {State::forking,   Effect::none}},
    {State::forking,   Event::deadline, {State::forking,   Effect::blame_zygote}},
    {State::forking,   Event::hung_up,  {State::forking,   Effect::bug}},
    {State::forking,   Event::exited,   {State::forking,   Effect::bug}},

    {State::starting,  Event::asked,    {State::starting,  Effect::bug}},
    {State::starting,  Event::forked,   {State::starting,  Effect::bug}},
    {State::starting,  Event::unforked, {State::starting,  Effect::bug}},
    {State::starting,  Event::ready,    {State::serving,   Effect::disarm_timer}},
    {State::starting,  Event::drain,    {State::draining,  Effect::ask_to_drain}},
    {State::starting,  Event::deadline, {State::condemned, Effect::kill}},
    {State::starting,  Event::hung_up,  {State::lost,      Effect::await_exit}},
    {State::starting,  Event::exited,   {State::vacant,    Effect::count_failed}},

    {State::serving,   Event::asked,    {State::serving,   Effect::bug}},
    {State::serving,   Event::forked,   {State::serving,   Effect::bug}},
    {State::serving,   Event::unforked, {State::serving,   Effect::bug}},
    {State::serving,   Event::ready,    {State::serving,   Effect::none}},
    {State::serving,   Event::drain,    {State::draining,  Effect::ask_to_drain}},
    {State::serving,   Event::deadline, {State::serving,   Effect::bug}},
    {State::serving,   Event::hung_up,  {State::lost,      Effect::await_exit}},
    {State::serving,   Event::exited,   {State::vacant,    Effect::count_crash}},

    {State::draining,  Event::asked,    {State::draining,  Effect::bug}},
    {State::draining,  Event::forked,   {State::draining,  Effect::bug}},
    {State::draining,  Event::unforked, {State::draining,  Effect::bug}},
    {State::draining,  Event::ready,    {State::draining,  Effect::none}},
    {State::draining,  Event::drain,    {State::draining,  Effect::none}},
    {State::draining,  Event::deadline, {State::killed,    Effect::kill}},
    {State::draining,  Event::hung_up,  {State::draining,  Effect::await_exit}},
    {State::draining,  Event::exited,   {State::vacant,    Effect::release}},

    {State::lost,      Event::asked,    {State::lost,      Effect::bug}},
    {State::lost,      Event::forked,   {State::lost,      Effect::bug}},
    {State::lost,      Event::unforked, {State::lost,      Effect::bug}},
    {State::lost,      Event::ready,    {State::lost,      Effect::none}},
    {State::lost,      Event::drain,    {State::lost,      Effect::none}},
    {State::lost,      Event::deadline, {State::condemned, Effect::kill}},
    {State::lost,      Event::hung_up,  {State::lost,      Effect::none}},
    {State::lost,      Event::exited,   {State::vacant,    Effect::count_crash}},

    {State::killed,    Event::asked,    {State::killed,    Effect::bug}},
    {State::killed,    Event::forked,   {State::killed,    Effect::bug}},
    {State::killed,    Event::unforked, {State::killed,    Effect::bug}},
    {State::killed,    Event::ready,    {State::killed,    Effect::none}},
    {State::killed,    Event::drain,    {State::killed,    Effect::none}},
    {State::killed,    Event::deadline, {State::killed,    Effect::complain}},
    {State::killed,    Event::hung_up,  {State::killed,    Effect::none}},
    {State::killed,    Event::exited,   {State::vacant,    Effect::release}},

    {State::condemned, Event::asked,    {State::condemned, Effect::bug}},
    {State::condemned, Event::forked,   {State::condemned, Effect::bug}},
    {State::condemned, Event::unforked, {State::condemned, Effect::bug}},
    {State::condemned, Event::ready,    {State::condemned, Effect::none}},
    {State::condemned, Event::drain,    {State::condemned, Effect::none}},
    {State::condemned, Event::deadline, {State::condemned, Effect::complain}},
    {State::condemned, Event::hung_up,  {State::condemned, Effect::none}},
    {State::condemned, Event::exited,   {State::vacant,    Effect::count_failed}},
}};
// clang-format on

constexpr const Rule& rule(State from, Event on) {
  return kRules[static_cast<std::size_t>(from) * kEvents +
                static_cast<std::size_t>(on)];
}

consteval bool every_pair_is_listed_in_order() {
  for (std::size_t s = 0; s < kStates; ++s)
    for (std::size_t e = 0; e < kEvents; ++e) {
      const Rule& r = kRules[s * kEvents + e];
      if (r.from != static_cast<State>(s) || r.on != static_cast<Event>(e))
        return false;
    }
  return true;
}
static_assert(every_pair_is_listed_in_order());

constexpr Step step(State from, Event on) {
  return rule(from, on).then;
}

// A process exists, or may come to exist, for the slot.
constexpr bool occupied(State s) {
  return s != State::vacant;
}

// On its way out, whatever we do.
constexpr bool leaving(State s) {
  return s == State::draining || s == State::lost || s == State::killed ||
         s == State::condemned;
}

constexpr const char* name_of(State s) {
  constexpr std::array<const char*, kStates> kNames = {
      "vacant",   "forking", "starting", "serving",
      "draining", "lost",    "killed",   "condemned"};
  return kNames[static_cast<std::size_t>(s)];
}

}  // namespace monodon::master
