// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace monodon::master {

// The life of a new generation, from the request for it until there is no way back any
// more. One that goes wrong before `rolling` is refused: nothing has changed. Later it
// is rolled back by the old zygote, which lives until then; after the commit that
// zygote stays parked for a while, and the old code comes back if the new one cannot be
// kept.
//
//   none -> importing -> rehearsing -> canary -> rolling -> observing -> parked -> none
//              |             |           |          |           |           |
//              +--- refused -+-----------+          +-----------+-----------+
//                                                   |
//                                                   +-> restoring -> none
//
// The first start has nothing to keep, and is committed when the import works.
//
// Pure: no clock, no process. master/fleet/fleet.cc performs the effect of a step.
enum class ReloadStep : std::uint8_t {
  none,
  importing,   // a new zygote imports the application
  rehearsing,  // the new code answers requests inside itself, and the old one perhaps
  canary,      // one worker of the new generation starts; the old ones all serve on
  rolling,     // the old workers are replaced, one after the other
  observing,   // all are replaced; their answers are compared with those of before
  restoring,   // workers of the old generation replace the new ones
  parked,      // committed; the old zygote forks nothing, and could
};

enum class ReloadEvent : std::uint8_t {
  proposed,   // a new generation is wanted
  imported,   // its zygote is ready to fork
  first,      // likewise, and nothing serves yet
  rehearsed,  // there is nothing in it against the new code
  served,     // its first worker serves
  spread,     // all workers serve, and are of the generation that is aimed at
  expired,    // the time of this step is over
  failed,     // the new code is no good
  dropped,    // nobody needs it any more: a stop, or a generation after it
};

enum class ReloadEffect : std::uint8_t {
  none,
  start_zygote,
  rehearse,   // ask the new code
  try_out,    // start the canary
  roll,       // aim the pool at the new generation
  observe,    // for a time
  commit,     // for good, and park the zygote of before
  refuse,     // the new code goes; nothing has changed
  roll_back,  // aim the pool at the generation of before
  fall_back,  // the same, after it was committed
  conclude,   // the old code serves again
  end,        // the zygote that was parked may go
  abandon,    // without a word
  bug,        // cannot happen
};

struct ReloadNext {
  ReloadStep step;
  ReloadEffect effect;
};

struct ReloadRule {
  ReloadStep from;
  ReloadEvent on;
  ReloadNext then;
};

inline constexpr std::size_t kReloadSteps = 8;
inline constexpr std::size_t kReloadEvents = 9;

// One line for every pair. Workers and zygotes die whenever they like: `failed` is an
// error nowhere.
// clang-format off
inline constexpr std::array<ReloadRule, kReloadSteps * kReloadEvents> kReloadRules = {{
    {ReloadStep::none,       ReloadEvent::proposed,  {ReloadStep::importing,  ReloadEffect::start_zygote}},
    {ReloadStep::none,       ReloadEvent::imported,  {ReloadStep::none,       ReloadEffect::bug}},
    {ReloadStep::none,       ReloadEvent::first,     {ReloadStep::none,       ReloadEffect::bug}},
    {ReloadStep::none,       ReloadEvent::rehearsed, {ReloadStep::none,       ReloadEffect::none}},
    {ReloadStep::none,       ReloadEvent::served,    {ReloadStep::none,       ReloadEffect::none}},
    {ReloadStep::none,       ReloadEvent::spread,    {ReloadStep::none,       ReloadEffect::none}},
    {ReloadStep::none,       ReloadEvent::expired,   {ReloadStep::none,       ReloadEffect::none}},
    {ReloadStep::none,       ReloadEvent::failed,    {ReloadStep::none,       ReloadEffect::none}},
    {ReloadStep::none,       ReloadEvent::dropped,   {ReloadStep::none,       ReloadEffect::none}},

    {ReloadStep::importing,  ReloadEvent::proposed,  {ReloadStep::importing,  ReloadEffect::bug}},
    {ReloadStep::importing,  ReloadEvent::imported,  {ReloadStep::rehearsing, ReloadEffect::rehearse}},
    {ReloadStep::importing,  ReloadEvent::first,     {ReloadStep::none,       ReloadEffect::commit}},
    {ReloadStep::importing,  ReloadEvent::rehearsed, {ReloadStep::importing,  ReloadEffect::none}},
    {ReloadStep::importing,  ReloadEvent::served,    {ReloadStep::importing,  ReloadEffect::none}},
    {ReloadStep::importing,  ReloadEvent::spread,    {ReloadStep::importing,  ReloadEffect::none}},
    {ReloadStep::importing,  ReloadEvent::expired,   {ReloadStep::importing,  ReloadEffect::none}},
    {ReloadStep::importing,  ReloadEvent::failed,    {ReloadStep::none,       ReloadEffect::refuse}},
    {ReloadStep::importing,  ReloadEvent::dropped,   {ReloadStep::none,       ReloadEffect::abandon}},

    {ReloadStep::rehearsing, ReloadEvent::proposed,  {ReloadStep::rehearsing, ReloadEffect::bug}},
    {ReloadStep::rehearsing, ReloadEvent::imported,  {ReloadStep::rehearsing, ReloadEffect::none}},
    {ReloadStep::rehearsing, ReloadEvent::first,     {ReloadStep::rehearsing, ReloadEffect::bug}},
    {ReloadStep::rehearsing, ReloadEvent::rehearsed, {ReloadStep::canary,     ReloadEffect::try_out}},
    {ReloadStep::rehearsing, ReloadEvent::served,    {ReloadStep::rehearsing, ReloadEffect::none}},
    {ReloadStep::rehearsing, ReloadEvent::spread,    {ReloadStep::rehearsing, ReloadEffect::none}},
    {ReloadStep::rehearsing, ReloadEvent::expired,   {ReloadStep::canary,     ReloadEffect::try_out}},
    {ReloadStep::rehearsing, ReloadEvent::failed,    {ReloadStep::none,       ReloadEffect::refuse}},
    {ReloadStep::rehearsing, ReloadEvent::dropped,   {ReloadStep::none,       ReloadEffect::abandon}},

    {ReloadStep::canary,     ReloadEvent::proposed,  {ReloadStep::canary,     ReloadEffect::bug}},
    {ReloadStep::canary,     ReloadEvent::imported,  {ReloadStep::canary,     ReloadEffect::none}},
    {ReloadStep::canary,     ReloadEvent::first,     {ReloadStep::canary,     ReloadEffect::bug}},
    {ReloadStep::canary,     ReloadEvent::rehearsed, {ReloadStep::canary,     ReloadEffect::none}},
    {ReloadStep::canary,     ReloadEvent::served,    {ReloadStep::rolling,    ReloadEffect::roll}},
    {ReloadStep::canary,     ReloadEvent::spread,    {ReloadStep::canary,     ReloadEffect::none}},
    {ReloadStep::canary,     ReloadEvent::expired,   {ReloadStep::canary,     ReloadEffect::none}},
    {ReloadStep::canary,     ReloadEvent::failed,    {ReloadStep::none,       ReloadEffect::refuse}},
    {ReloadStep::canary,     ReloadEvent::dropped,   {ReloadStep::none,       ReloadEffect::abandon}},

    {ReloadStep::rolling,    ReloadEvent::proposed,  {ReloadStep::rolling,    ReloadEffect::bug}},
    {ReloadStep::rolling,    ReloadEvent::imported,  {ReloadStep::rolling,    ReloadEffect::none}},
    {ReloadStep::rolling,    ReloadEvent::first,     {ReloadStep::rolling,    ReloadEffect::bug}},
    {ReloadStep::rolling,    ReloadEvent::rehearsed, {ReloadStep::rolling,    ReloadEffect::none}},
    {ReloadStep::rolling,    ReloadEvent::served,    {ReloadStep::rolling,    ReloadEffect::none}},
    {ReloadStep::rolling,    ReloadEvent::spread,    {ReloadStep::observing,  ReloadEffect::observe}},
    {ReloadStep::rolling,    ReloadEvent::expired,   {ReloadStep::rolling,    ReloadEffect::none}},
    {ReloadStep::rolling,    ReloadEvent::failed,    {ReloadStep::restoring,  ReloadEffect::roll_back}},
    {ReloadStep::rolling,    ReloadEvent::dropped,   {ReloadStep::none,       ReloadEffect::abandon}},

    {ReloadStep::observing,  ReloadEvent::proposed,  {ReloadStep::observing,  ReloadEffect::bug}},
    {ReloadStep::observing,  ReloadEvent::imported,  {ReloadStep::observing,  ReloadEffect::none}},
    {ReloadStep::observing,  ReloadEvent::first,     {ReloadStep::observing,  ReloadEffect::bug}},
    {ReloadStep::observing,  ReloadEvent::rehearsed, {ReloadStep::observing,  ReloadEffect::none}},
    {ReloadStep::observing,  ReloadEvent::served,    {ReloadStep::observing,  ReloadEffect::none}},
    {ReloadStep::observing,  ReloadEvent::spread,    {ReloadStep::observing,  ReloadEffect::none}},
    {ReloadStep::observing,  ReloadEvent::expired,   {ReloadStep::parked,     ReloadEffect::commit}},
    {ReloadStep::observing,  ReloadEvent::failed,    {ReloadStep::restoring,  ReloadEffect::roll_back}},
    {ReloadStep::observing,  ReloadEvent::dropped,   {ReloadStep::none,       ReloadEffect::abandon}},

    {ReloadStep::restoring,  ReloadEvent::proposed,  {ReloadStep::importing,  ReloadEffect::start_zygote}},
    {ReloadStep::restoring,  ReloadEvent::imported,  {ReloadStep::restoring,  ReloadEffect::none}},
    {ReloadStep::restoring,  ReloadEvent::first,     {ReloadStep::restoring,  ReloadEffect::bug}},
    {ReloadStep::restoring,  ReloadEvent::rehearsed, {ReloadStep::restoring,  ReloadEffect::none}},
    {ReloadStep::restoring,  ReloadEvent::served,    {ReloadStep::restoring,  ReloadEffect::none}},
    {ReloadStep::restoring,  ReloadEvent::spread,    {ReloadStep::none,       ReloadEffect::conclude}},
    {ReloadStep::restoring,  ReloadEvent::expired,   {ReloadStep::restoring,  ReloadEffect::none}},
    {ReloadStep::restoring,  ReloadEvent::failed,    {ReloadStep::restoring,  ReloadEffect::none}},
    {ReloadStep::restoring,  ReloadEvent::dropped,   {ReloadStep::none,       ReloadEffect::abandon}},

    {ReloadStep::parked,     ReloadEvent::proposed,  {ReloadStep::parked,     ReloadEffect::bug}},
    {ReloadStep::parked,     ReloadEvent::imported,  {ReloadStep::parked,     ReloadEffect::none}},
    {ReloadStep::parked,     ReloadEvent::first,     {ReloadStep::parked,     ReloadEffect::bug}},
    {ReloadStep::parked,     ReloadEvent::rehearsed, {ReloadStep::parked,     ReloadEffect::none}},
    {ReloadStep::parked,     ReloadEvent::served,    {ReloadStep::parked,     ReloadEffect::none}},
    {ReloadStep::parked,     ReloadEvent::spread,    {ReloadStep::parked,     ReloadEffect::none}},
    {ReloadStep::parked,     ReloadEvent::expired,   {ReloadStep::none,       ReloadEffect::end}},
    {ReloadStep::parked,     ReloadEvent::failed,    {ReloadStep::restoring,  ReloadEffect::fall_back}},
    {ReloadStep::parked,     ReloadEvent::dropped,   {ReloadStep::none,       ReloadEffect::abandon}},
}};
// clang-format on

constexpr const ReloadRule& reload_rule(ReloadStep from, ReloadEvent on) {
  return kReloadRules[static_cast<std::size_t>(from) * kReloadEvents +
                      static_cast<std::size_t>(on)];
}

consteval bool every_reload_pair_is_listed_in_order() {
  for (std::size_t s = 0; s < kReloadSteps; ++s)
    for (std::size_t e = 0; e < kReloadEvents; ++e) {
      const ReloadRule& r = kReloadRules[s * kReloadEvents + e];
      if (r.from != static_cast<ReloadStep>(s) || r.on != static_cast<ReloadEvent>(e))
        return false;
    }
  return true;
}
static_assert(every_reload_pair_is_listed_in_order());

constexpr ReloadNext reload_step(ReloadStep from, ReloadEvent on) {
  return reload_rule(from, on).then;
}

constexpr const char* name_of(ReloadStep step) {
  constexpr std::array<const char*, kReloadSteps> kNames = {
      "none",    "importing", "rehearsing", "canary",
      "rolling", "observing", "restoring",  "parked"};
  return kNames[static_cast<std::size_t>(step)];
}

}  // namespace monodon::master
