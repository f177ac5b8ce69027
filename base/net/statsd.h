// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace monodon::statsd {

// Metrics as datagrams to a statsd server, with the names that Gunicorn's have:
// https://docs.gunicorn.org/en/stable/instrumentation.html. One client for a process,
// inherited by fork; any thread. Never blocks, and nobody answers: what the kernel does
// not take is lost.

struct Options {
  std::string host;    // "host:port", "[::1]:8125", "unix:///path"; "" for none
  std::string prefix;  // in front of each name, with a dot between
  std::string tags;    // of DogStatsD, "name:value,name"
};

// "" for a host as above, else what is wrong with it.
[[nodiscard]] std::string what_is_wrong(std::string_view host);

// Finds the address of the host once, which may take as long as a resolver needs. An
// Error leaves everything as it was.
Outcome open(const Options& options);
[[nodiscard]] bool enabled() noexcept;

// While one lives, what its thread logs is nothing that is counted: Gunicorn counts
// lines of its own, and not those of applications.
class Uncounted {
 public:
  Uncounted() noexcept;
  ~Uncounted();
  Uncounted(const Uncounted&) = delete;
  Uncounted& operator=(const Uncounted&) = delete;
};
// A line of the error log.
void count_line(std::string_view level) noexcept;

// "NAME:1|c|@1.0", as Gunicorn writes it.
void increment(std::string_view name) noexcept;
void gauge(std::string_view name, std::uint64_t value) noexcept;
// "NAME:VALUE|TYPE", which the prefix and the tags are put around.
void metric(const std::string& text) noexcept;
// The three of one request.
void request(int status, std::uint64_t duration_us) noexcept;

}  // namespace monodon::statsd
