// SPDX-License-Identifier: Apache-2.0
// The rows of the table that are about being looked at: metrics, health, balancers.
#include "master/config/rows.h"

namespace monodon::master::rows {
namespace {

using M = Settings;

constexpr Setting kMetrics[] = {
    {.key = "metrics_bind",
     .kind = Kind::text,
     .field = &M::metrics_bind,
     .doc = "Address of metrics, health and dashboard; off: none.",
     .more =
         "In the forms of bind. Not used if systemd passes a socket named \"metrics\". "
         "Anyone who can connect can read which paths are requested, and by whom. If "
         "the address is taken, the server serves without metrics, and tries again.",
     .on_reload = OnReload::restart,
     .fallback = "127.0.0.1:9117"},
    {.key = "metrics_hosts",
     .kind = Kind::list,
     .field = &M::metrics_hosts,
     .doc = "Host names that the metrics answer to, besides addresses.",
     .more = "localhost and the name of the machine (hostname) are known. A request "
             "for any other Host is answered with 421, so that a web page in a browser "
             "on this machine cannot read the metrics through a DNS name that leads "
             "here. If Prometheus uses a DNS name, list it here; \"*\" allows any. Not "
             "checked on a Unix socket.",
     .on_reload = OnReload::live},
    {.key = "metrics_labels",
     .kind = Kind::list,
     .field = &M::metrics_labels,
     .doc = "Labels of every metric of this server, as name=value.",
     .more =
         "For a Prometheus that cannot give them to its targets. monodon_build_info "
         "has site and application in any case.",
     .on_reload = OnReload::live},
    {.key = "dashboard",
     .kind = Kind::choice,
     .field = &M::dashboard,
     .doc = "Who may read stacks and tracebacks on the dashboard.",
     .more =
         "They are the code of the application, and what it says when it fails. auto "
         "shows them where metrics_bind is a loopback address or a Unix socket, and "
         "not for a request that a proxy has passed on and says so. full shows them "
         "to everybody who can connect, brief to nobody: for a proxy of yours that "
         "the world can reach. Where they are not shown the page names the command.",
     .on_reload = OnReload::live,
     .choices = "auto|full|brief"},
    {.key = "ready_workers",
     .kind = Kind::count,
     .field = &M::ready_workers,
     .doc = "Workers that must serve for /-/ready to answer 200.",
     .on_reload = OnReload::live,
     .largest = 1024},
    {.key = "ready_when_saturated",
     .kind = Kind::flag,
     .field = &M::ready_when_saturated,
     .doc = "Whether /-/ready answers 200 while every thread runs a request.",
     .more =
         "Saturated is a state of its own, told by the text and by "
         "monodon_saturation_ratio. A balancer that takes saturated servers out "
         "sends their load to the others, which then saturate as well: false is for "
         "those with room to spare elsewhere.",
     .on_reload = OnReload::live},
    {.key = "agent_bind",
     .kind = Kind::text,
     .field = &M::agent_bind,
     .doc = "TCP address at which HAProxy's agent-check is answered; off: none.",
     .more =
         "\"host:port\" or \"[v6]:port\". Answers: up with a weight that falls from "
         "100% to 10% as the server saturates, drain while it stops, down while no "
         "worker moves. The outcome of the last reload is the description.",
     .on_reload = OnReload::restart,
     .fallback = "off"},
    {.key = "agent_drain_refused",
     .kind = Kind::flag,
     .field = &M::agent_drain_refused,
     .doc = "Whether the agent also drains a server whose last reload was refused.",
     .more =
         "It serves the code from before, and well: draining it is for those who "
         "would rather serve from fewer machines than two releases at once. A release "
         "that every machine refuses then drains them all.",
     .on_reload = OnReload::live},
};

}  // namespace

std::span<const Setting> metrics() {
  return kMetrics;
}

}  // namespace monodon::master::rows
