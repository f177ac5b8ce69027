// SPDX-License-Identifier: Apache-2.0
#include "tests/support/cpp/http_feed.h"

#include <functional>

namespace monodon::test {

namespace {

std::string describe(const http::RequestHead& head) {
  std::string text;
  const auto add = [&text](std::string_view part) { text.append(part).append("\n"); };
  for (const auto part : {head.method, head.target, head.path, head.query, head.host,
                          head.request_line}) {
    add(part);
  }
  add(std::to_string(head.minor_version) + ' ' +
      std::to_string(static_cast<int>(head.framing)) + ' ' +
      std::to_string(head.content_length) + ' ' + std::to_string(head.keep_alive) +
      ' ' + std::to_string(head.expect_continue) + ' ' +
      std::to_string(head.dropped_fields));
  for (const auto* list : {&head.fields, &head.forwarder_fields}) {
    for (const auto& [name, value] : *list) {
      add(name);
      add(value);
    }
    add("--");
  }
  return text;
}

}  // namespace

bool views_inside(const http::RequestHead& head, std::string_view input) {
  const std::less_equal<const char*> before;
  const auto inside = [&](std::string_view view) {
    return view.empty() ||
           (before(input.data(), view.data()) &&
            before(view.data() + view.size(), input.data() + input.size()));
  };
  bool all = inside(head.method) && inside(head.target) && inside(head.query) &&
             inside(head.host) && inside(head.request_line) &&
             (inside(head.path) || head.path == "/" || head.path == "*");
  for (const auto* list : {&head.fields, &head.forwarder_fields}) {
    for (const auto& [name, value] : *list) all = all && inside(name) && inside(value);
  }
  return all;
}

std::vector<std::size_t> every_byte(std::string_view input) {
  std::vector<std::size_t> stops;
  for (std::size_t i = 1; i < input.size(); ++i) stops.push_back(i);
  return stops;
}

HeadVerdict feed_head(std::string_view input, const http::HeadLimits& limits,
                      const std::vector<std::size_t>& stops) {
  http::RequestHead head;
  std::size_t scanned = 0;
  HeadVerdict verdict;
  std::vector<std::size_t> all = stops;
  all.push_back(input.size());
  for (const std::size_t stop : all) {
    const std::vector<char> piece(input.begin(),
                                  input.begin() + static_cast<std::ptrdiff_t>(stop));
    const std::string_view view{piece.data(), piece.size()};
    const http::HeadResult result = http::parse_head(view, limits, scanned, head);
    if (result.state == http::Parse::incomplete) continue;
    verdict.state = result.state;
    verdict.consumed = result.consumed;
    if (result.state == http::Parse::failed) {
      verdict.status = result.error.status;
    } else {
      verdict.fields = views_inside(head, view) ? describe(head) : "view outside";
    }
    return verdict;
  }
  return verdict;
}

BodyVerdict feed_chunked(std::string_view input,
                         const std::vector<std::size_t>& stops) {
  http::ChunkedDecoder decoder;
  BodyVerdict verdict;
  std::vector<std::size_t> all = stops;
  all.push_back(input.size());
  for (const std::size_t stop : all) {
    for (;;) {
      const std::vector<char> piece(
          input.begin() + static_cast<std::ptrdiff_t>(verdict.consumed),
          input.begin() + static_cast<std::ptrdiff_t>(stop));
      const auto step = decoder.step({piece.data(), piece.size()});
      verdict.consumed += step.consumed;
      verdict.data += step.data;
      verdict.state = step.state;
      if (step.state != http::Parse::incomplete) return verdict;
      if (step.consumed == 0 && step.data.empty()) break;
    }
  }
  return verdict;
}

}  // namespace monodon::test
