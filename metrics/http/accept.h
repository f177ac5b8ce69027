// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace monodon::metrics {

// The weight of `name` in a field such as Accept or Accept-Encoding (RFC 9110 12.4.2):
// 1 without a q, -1 where the name is not there. Parameters other than q are not looked
// at; of several entries the highest counts. Pure.
[[nodiscard]] double quality_of(std::string_view field, std::string_view name);

// Whether a scraper that sends this Accept wants OpenMetrics rather than Prometheus'
// own text format.
[[nodiscard]] bool wants_openmetrics(std::string_view accept);

}  // namespace monodon::metrics
