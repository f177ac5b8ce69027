// SPDX-License-Identifier: Apache-2.0
// A request in a message of the log.
#include "worker/loop/request_words.h"

#include <fmt/format.h>

namespace monodon::worker {

std::string name_request(std::string_view method, std::string_view path,
                         std::string_view request_id, const http::Origin& origin) {
  std::string text = fmt::format("{} {}", method, path);
  const char* before = " (";
  const auto add = [&](std::string_view what, std::string_view value) {
    if (value.empty()) return;
    text += fmt::format("{}{} {}", before, what, value);
    before = ", ";
  };
  add("request", request_id);
  if (origin.trace_id != request_id) add("trace", origin.trace_id);
  add("from", origin.remote_addr);
  if (*before == ',') text += ')';
  return text;
}

std::string spell_ns(std::uint64_t ns) {
  const double ms = static_cast<double>(ns) / 1e6;
  return ms < 1000 ? fmt::format("{:.0f} ms", ms) : fmt::format("{:.1f} s", ms / 1000);
}

}  // namespace monodon::worker
