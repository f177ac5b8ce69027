// SPDX-License-Identifier: Apache-2.0
#include "tests/support/cpp/http_invariants.h"

#include <algorithm>
#include <random>
#include <vector>

#include "tests/support/cpp/http_feed.h"
#include "worker/http/forwarded.h"
#include "worker/http/parser.h"
#include "worker/http/response_head.h"

namespace monodon::test {

namespace {

using http::Framing;
using http::Parse;

const std::vector<std::string> kForwarderNames{"SCRIPT_NAME", "PATH_INFO"};

http::HeadLimits limits_of(std::uint32_t seed) {
  http::HeadLimits limits;
  if (seed % 4 == 0) {
    limits.request_line = 40;
    limits.fields = 4;
    limits.field_size = 30;
  }
  limits.underscores = static_cast<http::HeadLimits::Underscores>(seed / 4 % 3);
  if (seed / 12 % 2 == 0) limits.forwarder_names = kForwarderNames;
  return limits;
}

std::vector<std::size_t> cuts_of(std::string_view input, std::uint32_t seed) {
  std::mt19937 random{seed};
  std::vector<std::size_t> cuts;
  if (input.size() < 2) return cuts;
  for (int i = 0; i < 4; ++i) cuts.push_back(1 + random() % (input.size() - 1));
  std::ranges::sort(cuts);
  return cuts;
}

std::string lower(std::string_view text) {
  std::string result{text};
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return result;
}

// The second reader: lines end in LF, with or without CR, and names are compared after
// white space, controls and what is not ASCII are taken out. Whatever it counts that
// the parser did not see is a request that two servers understand in two ways.
struct Count {
  unsigned lines = 0, host = 0, length = 0, coding = 0;
};
Count naive(std::string_view head) {
  Count count;
  while (!head.empty()) {
    const std::size_t end = head.find('\n');
    const std::string_view line = head.substr(0, end);
    head = end == std::string_view::npos ? std::string_view{} : head.substr(end + 1);
    std::string name = lower(line.substr(0, line.find(':')));
    std::erase_if(name, [](char c) { return c <= ' ' || c >= 0x7f; });
    ++count.lines;
    count.host += name == "host" ? 1 : 0;
    count.length += name == "content-length" ? 1 : 0;
    count.coding += name == "transfer-encoding" ? 1 : 0;
  }
  return count;
}

std::string broken_complete(std::string_view bytes, const http::RequestHead& head) {
  if (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
  if (!bytes.ends_with("\r\n\r\n")) return "a head that does not end in an empty line";
  if (!bytes.starts_with(head.request_line))
    return "request line is not the first line";
  if (!bytes.starts_with(head.method)) return "method is not the first word";
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    const bool paired = (c == '\r' && i + 1 < bytes.size() && bytes[i + 1] == '\n') ||
                        (c == '\n' && i > 0 && bytes[i - 1] == '\r');
    if (((c >= 0 && c < 0x20 && c != '\t') || c == 0x7f) && !paired) {
      return "a control byte was let through";
    }
  }
  const Count count = naive(bytes);
  const auto fields = head.fields.size() + head.forwarder_fields.size();
  // Request line and empty line are no fields.
  if (count.lines - 2 != fields + head.dropped_fields) return "a field was lost";
  if (count.host > 1 || (head.minor_version == 1 && count.host != 1)) return "Host";
  if (count.length + count.coding > 1) return "two framings";
  const auto expected = count.coding == 1   ? Framing::chunked
                        : count.length == 1 ? Framing::length
                                            : Framing::none;
  if (head.framing != expected) return "framing is not what the fields say";
  if (head.minor_version == 1 && head.host.empty()) return "no host";
  if (head.path.empty() || (head.path.front() != '/' && head.path != "*"))
    return "path";
  return {};
}

bool known(int status) {
  constexpr int all[] = {400, 414, 417, 431, 501, 505};
  return std::ranges::find(all, status) != std::end(all);
}

}  // namespace

std::string broken_head(std::string_view input, std::uint32_t seed) {
  const http::HeadLimits limits = limits_of(seed);
  const HeadVerdict whole = feed_head(input, limits, {});
  if (whole.fields == "view outside") return "a view outside the input";
  if (!(feed_head(input, limits, cuts_of(input, seed)) == whole)) {
    return "another verdict in pieces";
  }
  if (input.size() < 400 && !(feed_head(input, limits, every_byte(input)) == whole)) {
    return "another verdict byte by byte";
  }
  if (whole.state == Parse::failed && !known(whole.status)) return "unknown status";
  if (whole.state == Parse::incomplete && input.size() >= limits.longest_head()) {
    return "no limit held";
  }
  if (whole.state != Parse::complete) return {};
  if (whole.consumed > input.size() || whole.consumed > limits.longest_head()) {
    return "consumed too much";
  }
  http::RequestHead head;
  std::size_t scanned = 0;
  (void)http::parse_head(input, limits, scanned, head);
  return broken_complete(input.substr(0, whole.consumed), head);
}

std::string broken_origin(std::string_view input, std::uint32_t seed) {
  static const http::Forwarding rules = [] {
    worker::Settings settings;
    settings.forwarded_allow_ips = {"127.0.0.1", "10.0.0.0/8", "2001:db8::/32"};
    settings.secure_scheme_headers = {"X-FORWARDED-PROTO=https", "X-FORWARDED-SSL=on"};
    return http::Forwarding::compile(settings).value();
  }();
  http::RequestHead head;
  std::size_t scanned = 0;
  const auto parsed = http::parse_head(input, limits_of(seed), scanned, head);
  if (parsed.state != Parse::complete) return {};
  const http::Peer peer{"192.0.2.1", 7, seed % 2 == 0};
  const auto fields = head.fields.size() + head.forwarder_fields.size();
  const auto dropped = head.dropped_fields;
  http::Origin origin;
  if (rules.resolve(peer, head, origin) != nullptr) return {};
  if (!head.forwarder_fields.empty()) return "fields that nobody decided about";
  if (origin.scheme != "http" && origin.scheme != "https") return "scheme";
  if (!http::parse_address(origin.remote_addr)) return "client is no address";
  for (const char c : origin.request_id) {
    if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\') return "request id";
  }
  if (!origin.script_name.empty() && origin.script_name.front() != '/') return "script";
  const std::string_view below = origin.path_info;
  if (!head.path.ends_with(below)) return "path info that is not of the path";
  if (origin.script_name.empty() ? below != head.path
                                 : !below.empty() && below.front() != '/' &&
                                       !lower(below).starts_with("%2f")) {
    return "path info";
  }
  if (peer.trusted) return views_inside(head, input) ? "" : "a view outside the input";
  if (origin.remote_addr != peer.address || origin.scheme != "http" ||
      !origin.request_id.empty() || !origin.script_name.empty()) {
    return "a stranger was believed";
  }
  if (head.fields.size() + head.dropped_fields != fields + dropped) return "uncounted";
  for (const auto& [name, value] : head.fields) {
    if (lower(name).starts_with("x-forwarded-")) return "a stranger's field was kept";
  }
  return {};
}

std::string broken_chunked(std::string_view input, std::uint32_t seed) {
  const BodyVerdict whole = feed_chunked(input, {});
  if (whole.consumed > input.size()) return "consumed too much";
  if (whole.data.size() > whole.consumed) return "more data than input";
  if (whole.state == Parse::incomplete && whole.consumed != input.size()) {
    return "stopped in the middle";
  }
  if (!(feed_chunked(input, cuts_of(input, seed)) == whole)) {
    return "another body in pieces";
  }
  if (input.size() < 400 && !(feed_chunked(input, every_byte(input)) == whole)) {
    return "another body byte by byte";
  }
  if (whole.state == Parse::complete &&
      !input.substr(0, whole.consumed).ends_with("\r\n")) {
    return "a body that does not end in a line";
  }
  return {};
}

std::string broken_response(std::string_view input, std::uint32_t seed) {
  const auto take_line = [&input] {
    const std::size_t end = input.find('\n');
    const std::string_view line = input.substr(0, end);
    input = end == std::string_view::npos ? std::string_view{} : input.substr(end + 1);
    return line;
  };
  const std::string_view status = take_line();
  std::vector<http::Field> fields;
  while (!input.empty()) {
    const std::string_view line = take_line();
    const std::size_t colon = line.find(':');
    fields.push_back({line.substr(0, colon),
                      colon == std::string_view::npos ? "" : line.substr(colon + 1)});
  }
  http::RequestHead request;
  request.method = seed / 4 % 2 == 0 ? "GET" : "HEAD";
  http::ResponseContext context;
  context.request = &request;
  if (seed % 2 != 0) context.hop_by_hop = http::HopByHop::drop;
  if (seed / 2 % 2 != 0) context.known_length = seed;
  std::string out = "x";
  const auto [plan, error] = http::write_head({status, fields}, context, out);
  if (!error.empty()) return out == "x" ? "" : "a refused head left something behind";
  if (!out.ends_with("\r\n\r\n")) return "no empty line at the end";
  if (out.find("\r\n\r\n") != out.size() - 4) return "a response that is split";
  if (std::ranges::count(out, '\n') != std::ranges::count(out, '\r')) return "bare LF";
  const Count count = naive(out);
  if (count.length + count.coding > 1) return "two framings";
  // Status, empty line, framing and Connection are the server's.
  if (count.lines > fields.size() + 4) return "a line that nobody asked for";
  return {};
}

}  // namespace monodon::test
