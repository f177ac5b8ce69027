// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

namespace monodon::metrics {

inline constexpr const char* kOpenMetricsType =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

// The families in the OpenMetrics format 1.0, with its end. A counter that is not
// called
// ..._total, which only an application can have, is of type unknown there, so that its
// name is the same in both formats. Pure.
[[nodiscard]] std::string openmetrics_text(
    const std::vector<prometheus::MetricFamily>& families);

}  // namespace monodon::metrics
