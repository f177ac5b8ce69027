// SPDX-License-Identifier: Apache-2.0
// Access-log lines for requests whose worker died.
#include "master/chronicle/dead_requests.h"

#include <chrono>
#include <ctime>

#include "base/clock.h"
#include "worker/access/access_writer.h"

namespace monodon::master {

void log_dead_requests(const worker::Settings& settings,
                       const std::vector<LastRequest>& running) {
  if (running.empty() || settings.access_log.empty()) return;
  worker::AccessWriter log{settings};
  if (!log.enabled()) return;
  for (const LastRequest& last : running) {
    if (last.answered) continue;
    const std::string_view text = last.request;
    const std::size_t space = text.find(' ');
    http::RequestHead head;
    // What the proxy says of it. A line without them is dropped by readers of the
    // combined format.
    constexpr int kBadGateway = 502;
    const std::string line = std::string{text} + " HTTP/1.1";
    head.request_line = line;
    head.method = text.substr(0, space);
    if (space != std::string_view::npos) head.target = text.substr(space + 1);
    head.path = head.target;
    worker::AccessRecord record;
    record.head = &head;
    record.remote_addr = last.remote;
    record.request_id = last.request_id;
    record.status = kBadGateway;
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(last.age);
    record.duration_us = static_cast<std::uint64_t>(us.count());
    record.wall_seconds = std::time(nullptr);
    log.add(record, monotonic_ns());
  }
  log.flush();
}

}  // namespace monodon::master
