// SPDX-License-Identifier: Apache-2.0
// tests/process/test_metrics.py has Prometheus' own parser read a whole scrape.
#include "metrics/exposition/openmetrics.h"

#include <catch2/catch.hpp>
#include <limits>

using namespace monodon::metrics;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

namespace {

MetricFamily family(const char* name, MetricType type) {
  MetricFamily made;
  made.name = name;
  made.type = type;
  made.help = "Says \"what\"\nit is.";
  made.metric.emplace_back();
  return made;
}

}  // namespace

TEST_CASE("each type is written as OpenMetrics wants it", "[openmetrics]") {
  MetricFamily counter = family("a_total", MetricType::Counter);
  counter.metric[0].counter.value = 3;
  counter.metric[0].label = {{"path", "C:\\\"\n"}};
  MetricFamily gauge = family("b", MetricType::Gauge);
  gauge.metric[0].gauge.value = std::numeric_limits<double>::infinity();
  MetricFamily histogram = family("c", MetricType::Histogram);
  histogram.metric[0].histogram = {
      3, 0.25, {{1, 1.0}, {3, std::numeric_limits<double>::infinity()}}};
  CHECK(openmetrics_text({counter, gauge, histogram, MetricFamily{}}) ==
        "# TYPE a counter\n# HELP a Says \\\"what\\\"\\nit is.\n"
        "a_total{path=\"C:\\\\\\\"\\n\"} 3\n"
        "# TYPE b gauge\n# HELP b Says \\\"what\\\"\\nit is.\nb +Inf\n"
        "# TYPE c histogram\n# HELP c Says \\\"what\\\"\\nit is.\n"
        "c_bucket{le=\"1.0\"} 1\nc_bucket{le=\"+Inf\"} 3\nc_sum 0.25\nc_count 3\n"
        "# EOF\n");
}

TEST_CASE("a counter that is not called a total keeps its name", "[openmetrics]") {
  MetricFamily jobs = family("jobs", MetricType::Counter);
  jobs.metric[0].counter.value = 1;
  CHECK(openmetrics_text({jobs}).starts_with("# TYPE jobs unknown\n"));
  CHECK(openmetrics_text({jobs}).find("\njobs 1\n") != std::string::npos);
}
