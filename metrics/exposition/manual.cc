// SPDX-License-Identifier: Apache-2.0
// The manual page of the metrics, from their catalogue.
#include <fmt/format.h>

#include "base/text/mdoc.h"
#include "metrics/exposition/catalogue.h"

namespace monodon::metrics {
namespace {

std::string_view name_of(Type type) {
  switch (type) {
    case Type::counter:
      return "counter";
    case Type::gauge:
      return "gauge";
    case Type::histogram:
      return "histogram";
  }
  return "";
}

constexpr std::string_view kHead = R"(.\" SPDX-License-Identifier: Apache-2.0
.\" Made by "monodon generate metrics-man" from the catalogue of metrics; do not edit.
.Dd November 24, 2026
.Dt MONODON-METRICS 7
.Os
.Sh NAME
.Nm monodon-metrics
.Nd what Monodon measures
.Sh DESCRIPTION
The exporter answers at
.Ic metrics_bind
(see
.Xr monodon.yaml 5 ) ,
by default http://127.0.0.1:9117, or on the socket that systemd names
.Ql metrics :
.Bl -tag -width Ds
.It Pa /
a page for people that shows what every worker does
.It Pa /metrics
the metrics below, in Prometheus' text format
.It Pa /-/healthy
200 while the master lives
.It Pa /-/ready
200 while at least
.Ic ready_workers
workers serve
.El
.Pp
Counters never go backwards when workers are replaced.
Histograms count seconds.
Labels are bounded: no metric has a label that clients can choose.
.Sh METRICS
.Bl -tag -width Ds
)";

constexpr std::string_view kTail = R"(.El
.Sh SEE ALSO
.Xr monodon.yaml 5
)";

}  // namespace

std::string metrics_manual() {
  std::string page{kHead};
  for (const Metric& metric : kCatalogue) {
    page +=
        fmt::format(".It Sy {}{} Pq {}", kPrefix, metric.name, name_of(metric.type));
    page += metric.labels.empty() ? "\n" : fmt::format(" by {}\n", metric.labels);
    page += mdoc_lines(metric.help);
  }
  return page += kTail;
}

}  // namespace monodon::metrics
