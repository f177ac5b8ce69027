// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "metrics/collect.h"
#include "metrics/observer.h"

namespace monodon::metrics {

// The page for people (metrics/dashboard.html), with `nonce` for its own script and
// style, and the Content-Security-Policy that lets nothing else in.
[[nodiscard]] std::string dashboard_page(const std::string& nonce);
[[nodiscard]] std::string dashboard_policy(const std::string& nonce);

// A number that nobody can guess, for one answer.
[[nodiscard]] std::string make_nonce();

// What the page shows, and asks for every second: one JSON object. Texts of clients are
// cut by the scoreboard; what is no UTF-8 in them becomes U+FFFD.
[[nodiscard]] std::string dashboard_json(const Sight& sight,
                                         const Surroundings& around);

}  // namespace monodon::metrics
