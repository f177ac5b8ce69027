// SPDX-License-Identifier: Apache-2.0
// The access log as JSON: always the same keys.
#include "worker/access/access_json.h"

#include <unistd.h>

#include "base/text/escape.h"
#include "worker/access/access_values.h"

namespace monodon::worker::access {
namespace {

void append_text(std::string& to, std::string_view key, std::string_view value) {
  to += ",\"";
  to += key;
  to += "\":";
  if (value.empty()) {
    to += "null";
  } else {
    append_json(to, value);
  }
}

void append_number(std::string& to, std::string_view key, std::uint64_t value) {
  to += ",\"";
  to += key;
  to += "\":";
  to += std::to_string(value);
}

}  // namespace

void append_json_line(std::string& to, const AccessRecord& record) {
  static const http::RequestHead kNone;
  const http::RequestHead& head = record.head != nullptr ? *record.head : kNone;
  to += "{\"time\":\"";
  to += iso_time(record.wall_seconds);
  to += '"';
  append_text(to, "remote_addr", record.remote_addr);
  append_text(to, "user", basic_user(head.find("Authorization")));
  append_text(to, "method", head.method);
  append_text(to, "scheme", record.scheme);
  append_text(to, "host", head.host);
  append_text(to, "uri", head.target);
  append_text(to, "protocol",
              record.head == nullptr    ? ""
              : head.minor_version == 0 ? "HTTP/1.0"
                                        : "HTTP/1.1");
  if (record.status == 0) {
    append_text(to, "status", "");
  } else {
    append_number(to, "status", static_cast<std::uint64_t>(record.status));
  }
  append_number(to, "bytes", record.body_bytes);
  append_number(to, "duration_us", record.duration_us);
  append_text(to, "referer", head.find("Referer"));
  append_text(to, "user_agent", head.find("User-Agent"));
  append_text(to, "request_id", record.request_id);
  if (!record.trace_id.empty()) append_text(to, "trace_id", record.trace_id);
  if (record.close_code != 0) append_number(to, "close_code", record.close_code);
  append_number(to, "pid", static_cast<std::uint64_t>(::getpid()));
  to += "}\n";
}

}  // namespace monodon::worker::access
