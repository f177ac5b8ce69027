// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "metrics/observation/collect.h"
#include "metrics/observation/observer.h"

namespace monodon::metrics {

// The page for people, with `nonce` for its own script and style, and the
// Content-Security-Policy that lets nothing else in. `plain` is HTML for browsers
// without JavaScript (metrics/page/plain_page.h).
[[nodiscard]] std::string dashboard_page(const std::string& nonce,
                                         const std::string& plain);
[[nodiscard]] std::string dashboard_policy(const std::string& nonce);
[[nodiscard]] std::string_view dashboard_icon();  // image/svg+xml

// A number that nobody can guess, for one answer.
[[nodiscard]] std::string make_nonce();

// What the page shows, and asks for every second: one JSON object. Texts of clients are
// cut by the scoreboard; what is no UTF-8 in them becomes U+FFFD. `full`: with what the
// application said when it failed (the setting `dashboard`).
[[nodiscard]] std::string dashboard_json(const Sight& sight, const Surroundings& around,
                                         bool full);

// The last hour, a row for each step, oldest first.
[[nodiscard]] std::string history_json(const Sight& sight, const Surroundings& around);

// Bytes of all workers together: PSS, or what is resident where that is not known.
[[nodiscard]] std::uint64_t memory_of_workers(const Sight& sight,
                                              const Surroundings& around);
// PSS of all workers; 0 while it is not known of each: what is resident would make a
// peak at every start.
[[nodiscard]] std::uint64_t pss_of_workers(const Sight& sight,
                                           const Surroundings& around);
// Seconds since 1970.
[[nodiscard]] double wall_seconds();

}  // namespace monodon::metrics
