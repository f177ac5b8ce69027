// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace monodon::metrics {

// The one definition of every metric: the exporter, monodon-metrics(7) and the tests
// are made from these rows. Names follow Prometheus' conventions. Labels are bounded:
// states, causes, status classes, slots, listeners; never anything a client sends.

enum class Type : std::uint8_t { counter, gauge, histogram };

struct Metric {
  std::string_view name;  // without "monodon_"
  Type type = Type::counter;
  std::string_view labels;  // "a, b"; "" for none
  std::string_view help;    // one sentence
};

inline constexpr std::string_view kPrefix = "monodon_";

// By subject; the exposition has the same order.
inline constexpr auto kCatalogue = std::to_array<Metric>({
    {"build_info", Type::gauge, "version, site, application",
     "The version that runs, the name of the site and what it serves; always 1."},
    {"configuration_info", Type::gauge, "hash",
     "Hash over the settings of the generation that serves; always 1."},
    {"start_time_seconds", Type::gauge, "",
     "When the master started, in seconds since 1970."},
    {"master_heartbeat_age_seconds", Type::gauge, "",
     "Time since the master last showed a sign of life; it does so every second."},
    {"stopping", Type::gauge, "", "1 while the server shuts down."},

    {"generation", Type::gauge, "", "Number of the generation that serves."},
    {"generation_shared", Type::gauge, "",
     "1 if workers share one import of the application, 0 if each imports by itself."},
    {"reload_in_progress", Type::gauge, "",
     "1 while a generation is imported or old workers are replaced."},
    {"reloads_total", Type::counter, "outcome", "Reloads, by how they ended."},
    {"last_reload_failed", Type::gauge, "",
     "1 if the last reload was refused or undone: what was deployed does not serve."},
    {"last_reload_timestamp_seconds", Type::gauge, "",
     "When the last reload ended, in seconds since 1970; 0 before the first."},
    {"last_reload_duration_seconds", Type::gauge, "", "How long the last reload took."},

    {"workers_wanted", Type::gauge, "", "Workers that the configuration asks for."},
    {"workers", Type::gauge, "state, generation",
     "Worker slots by state; generation is current or other. A resting slot waits for "
     "its next try after a failure."},
    {"worker_starts_total", Type::counter, "", "Workers that were started."},
    {"worker_exits_total", Type::counter, "cause", "Workers that ended, by cause."},
    {"worker_failures_in_a_row", Type::gauge, "slot",
     "Workers of the slot that failed one after the other; the pauses before the next "
     "try grow with it."},
    {"worker_boot_seconds", Type::histogram, "",
     "Time from the order to start a worker until it serves."},

    {"requests_total", Type::counter, "slot", "Requests given to the application."},
    {"requests_refused_total", Type::counter, "",
     "Requests that the server refused by itself with 4xx or 5xx."},
    {"application_errors_total", Type::counter, "",
     "Requests in which the application raised or broke the protocol."},
    {"responses_total", Type::counter, "class",
     "Responses by status class; none: no answer could be sent, or its worker died."},
    {"request_body_bytes_total", Type::counter, "", "Bytes of request bodies."},
    {"response_body_bytes_total", Type::counter, "", "Bytes of response bodies."},
    {"requests_in_progress", Type::gauge, "", "Requests that run now."},
    {"oldest_request_age_seconds", Type::gauge, "",
     "Age of the request that has been running longest; 0 when none runs."},
    {"request_duration_seconds", Type::histogram, "class",
     "Time from the complete head of a request to the end of its response."},
    {"first_byte_seconds", Type::histogram, "class",
     "Time from the complete head of a request to the first byte of its response."},
    {"queue_time_seconds", Type::histogram, "",
     "Time that requests waited before a worker took them, by the X-Request-Start of a "
     "trusted proxy."},
    {"gil_wait_seconds_total", Type::counter, "",
     "Time that requests waited for Python's lock; measured with 2 threads or more."},
    {"slow_requests_total", Type::counter, "",
     "Requests that took longer than slow_request."},
    {"request_deadlines_total", Type::counter, "",
     "Requests that were ended by request_timeout."},
    {"header_fields_dropped_total", Type::counter, "",
     "Header fields that were dropped because their names hold an underscore."},
    {"static_files_total", Type::counter, "",
     "Requests that were answered with a file, without the application."},

    {"connections_open", Type::gauge, "", "Connections that workers hold."},
    {"connections_idle", Type::gauge, "", "Kept-alive connections without a request."},
    {"websockets_open", Type::gauge, "",
     "WebSockets that the application has accepted, until they are closed."},
    {"connections_waiting", Type::gauge, "",
     "Connections that workers have accepted, with a request that no thread is "
     "free for; others wait in the listen queues."},
    {"connections_accepted_total", Type::counter, "",
     "Connections taken from the listeners."},
    {"accept_pauses_total", Type::counter, "",
     "Times that a worker stopped accepting for want of descriptors or memory."},
    {"connections_handed_over_total", Type::counter, "direction",
     "Kept-alive connections that went from one worker to another."},
    {"listen_queue_length", Type::gauge, "listener",
     "Connections that wait in the kernel to be accepted."},
    {"listen_queue_limit", Type::gauge, "listener",
     "Connections that may wait; more are refused."},
    {"listen_queue_highest", Type::gauge, "listener",
     "Largest listen_queue_length of the last minute, looked at 5 times a second."},

    {"saturation_ratio", Type::gauge, "",
     "Requests that run and connections that wait, for each thread, averaged over ten "
     "seconds; at most 1. 1 at once while every thread runs a request and the "
     "oldest is older than a second."},
    {"threads", Type::gauge, "", "Application threads of the workers that serve."},
    {"thread_seconds_total", Type::counter, "state",
     "Time that application threads spent busy or idle: the rate of busy over the rate "
     "of both is the saturation."},

    {"worker_cpu_seconds_total", Type::counter, "slot",
     "Processor time of all workers that were in the slot."},
    {"worker_memory_pss_bytes", Type::gauge, "slot",
     "Memory of the worker, with its share of what it shares (PSS)."},
    {"worker_memory_rss_bytes", Type::gauge, "slot",
     "Resident memory of the worker, with all of what it shares (RSS)."},
    {"process_cpu_seconds_total", Type::counter, "process",
     "Processor time of master and exporter, without that of their children."},
    {"process_memory_rss_bytes", Type::gauge, "process",
     "Resident memory of master, zygote and exporter."},
    {"log_lines_dropped_total", Type::counter, "",
     "Log lines of workers that are missing: a disk is full, or no reader took them in "
     "time."},

    {"application_series_dropped_total", Type::counter, "",
     "Series of the application that are not shown: the table is full, or the name and "
     "labels are too long."},

    {"application_samples_left_out", Type::gauge, "",
     "Values of the application that this scrape leaves out: it shows 50,000 of them "
     "with 8 MiB of names and labels, always the same ones."},

    {"exporter_starts_total", Type::counter, "",
     "Times that the exporter was started; more than 1 means that it died."},
    {"exporter_scrapes_total", Type::counter, "", "Scrapes before this one."},
    {"exporter_scrape_seconds_total", Type::counter, "",
     "Time spent on the scrapes before this one."},
});

// A row by its name, checked when compiled.
struct Name {
  std::size_t row = 0;
  consteval Name(const char* name) {  // implicit: a name stands for its row
    while (kCatalogue.at(row).name != name) ++row;
  }
};

// monodon-metrics(7), in mdoc(7).
[[nodiscard]] std::string metrics_manual();

}  // namespace monodon::metrics
