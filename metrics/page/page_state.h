// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "metrics/observation/collect.h"
#include "metrics/observation/observer.h"

namespace monodon::metrics {

// What the dashboard says first, in one word and one sentence. Pure.
struct PageState {
  std::string name;  // ready | saturated | starting | not ready | stopping
  std::string text;
};

// `saturated` is ready as well: every thread runs a request, and one of them has done
// so for a second, or connections wait. (At an instant all threads are busy quite
// often.)
[[nodiscard]] PageState page_state(const Sight& sight, const Surroundings& around);

// What an operator has to know although the server may be ready: workers that fail
// again and again, a reload that came to nothing, code that could not be kept. A
// sentence each.
[[nodiscard]] std::vector<std::string> page_notices(const Sight& sight,
                                                    const Surroundings& around);

// Durations of the pages, which are nanoseconds, for people.
[[nodiscard]] std::string spell_ns(std::uint64_t ns);

// The sentence of an event. `full`: with what the application said when it failed.
[[nodiscard]] std::string event_text(const scoreboard::EventReport& event, bool full);

// Connections that wait, in all queues.
[[nodiscard]] std::uint32_t waiting_now(const Surroundings& around);

}  // namespace monodon::metrics
