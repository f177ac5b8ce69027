// SPDX-License-Identifier: Apache-2.0
// A request head from its bytes; the fields and what they mean for the framing.
#include "worker/http/parser.h"

#include <algorithm>

#include "worker/http/chars.h"
#include "worker/http/content_length.h"
#include "worker/http/request_line.h"

namespace monodon::http {

namespace {

constexpr ParseError kLineLimit{414, "request line is too long"};
constexpr ParseError kFieldLimit{431, "header field is too long"};
constexpr ParseError kFieldCount{431, "too many header fields"};
constexpr ParseError kControl{400, "control byte, or a line that does not end in CRLF"};
constexpr ParseError kNoLine{400, "empty line where a request line belongs"};
constexpr ParseError kName{400, "header field without a valid name and colon"};
constexpr ParseError kFold{400, "header field continued on the next line"};
constexpr ParseError kNoHost{400, "no Host field"};
constexpr ParseError kHostTwice{400, "more than one Host field"};
constexpr ParseError kHost{400, "Host is not host[:port]"};
constexpr ParseError kTypeTwice{400, "more than one Content-Type field"};
constexpr ParseError kLength{400, "Content-Length is not a number"};
constexpr ParseError kLengthTwice{400, "more than one Content-Length field"};
constexpr ParseError kCoding{400, "Transfer-Encoding is not \"chunked\""};
constexpr ParseError kCodingUnknown{501, "transfer coding is not supported"};
constexpr ParseError kCodingTwice{400, "more than one Transfer-Encoding field"};
constexpr ParseError kCodingOld{400, "Transfer-Encoding in an HTTP/1.0 request"};
constexpr ParseError kBoth{400, "both Content-Length and Transfer-Encoding"};
constexpr ParseError kExpect{417, "expectation is not supported"};

// One attempt at one head. Each step returns null, or what is wrong.
class HeadParser {
 public:
  using Problem = const ParseError*;

  HeadParser(const HeadLimits& limits, RequestHead& head)
      : limits_{limits}, head_{head} {
    head_.clear();
  }

  Problem request_line(std::string_view line) {
    const Problem problem = parse_request_line(line, head_);
    absolute_ = head_.host.data() != nullptr;
    return problem;
  }

  // A line of at least one byte, without control bytes but HTAB; `end` points to CR,
  // `limit` to the end of the input.
  Problem field(const char* begin, const char* end, const char* limit);

  Problem finish();

 private:
  Problem special(const Field& field, bool& keep);
  Problem underscored(const Field& field);
  Problem host(std::string_view value);
  Problem content_length(std::string_view value);
  Problem transfer_encoding(std::string_view value);
  void connection(std::string_view value);

  const HeadLimits& limits_;
  RequestHead& head_;
  std::size_t count_ = 0;
  bool absolute_ = false;
  bool host_ = false;
  bool type_ = false;
  bool close_ = false;
  bool stay_ = false;
};

HeadParser::Problem HeadParser::field(const char* begin, const char* end,
                                      const char* limit) {
  if (++count_ > limits_.fields) return &kFieldCount;
  unsigned seen = 0;
  // It ends at the CR at the latest, and steps of 16 bytes may look beyond it.
  const char* const at = find_name_end(begin, limit, seen);
  if (*at != ':' || at == begin) {
    return chars::is(*begin, chars::kSpace) ? &kFold : &kName;
  }
  const Field field{{begin, static_cast<std::size_t>(at - begin)},
                    trim({at + 1, static_cast<std::size_t>(end - at - 1)})};
  if ((seen & chars::kUnderscore) != 0) return underscored(field);
  bool keep = true;
  if (const Problem problem = special(field, keep)) return problem;
  if (keep) {
    head_.fields.emplace_back(field);
  } else {
    ++head_.dropped_fields;
  }
  return nullptr;
}

HeadParser::Problem HeadParser::special(const Field& field, bool& keep) {
  const auto named = [&field](std::string_view lower) {
    return equals_lower(field.name, lower);
  };
  switch (field.name.size()) {
    case 4:
      if (named("host")) return host(field.value);
      break;
    case 5:
      keep = !named("proxy");
      break;
    case 6:
      if (named("expect")) {
        if (!equals_lower(field.value, "100-continue")) return &kExpect;
        // RFC 9110 10.1.1: an HTTP/1.0 client cannot mean it.
        head_.expect_continue = head_.minor_version != 0;
      }
      break;
    case 10:
      if (named("connection")) connection(field.value);
      break;
    case 12:
      if (named("content-type")) {
        if (type_) return &kTypeTwice;
        type_ = true;
      }
      break;
    case 14:
      if (named("content-length")) return content_length(field.value);
      break;
    case 17:
      if (named("transfer-encoding")) return transfer_encoding(field.value);
      break;
    default:
      break;
  }
  return nullptr;
}

HeadParser::Problem HeadParser::underscored(const Field& field) {
  for (const std::string& name : limits_.forwarder_names) {
    if (equals_ignoring_case(field.name, name)) {
      head_.forwarder_fields.push_back(field);
      return nullptr;
    }
  }
  switch (limits_.underscores) {
    case HeadLimits::Underscores::drop:
      ++head_.dropped_fields;
      return nullptr;
    case HeadLimits::Underscores::refuse:
      return &kUnderscoreRefused;
    case HeadLimits::Underscores::keep:
      head_.fields.push_back(field);
      return nullptr;
  }
  return &kUnderscoreRefused;
}

HeadParser::Problem HeadParser::host(std::string_view value) {
  if (host_) return &kHostTwice;
  host_ = true;
  if (!valid_authority(value)) return &kHost;
  // RFC 9112 3.2.2: with an absolute-form the field is ignored, whatever host it names.
  if (!absolute_) head_.host = value;
  return nullptr;
}

HeadParser::Problem HeadParser::content_length(std::string_view value) {
  if (head_.framing == Framing::length) return &kLengthTwice;
  if (head_.framing == Framing::chunked) return &kBoth;
  const auto length = parse_content_length(value);
  if (!length) return &kLength;
  head_.framing = Framing::length;
  head_.content_length = *length;
  return nullptr;
}

HeadParser::Problem HeadParser::transfer_encoding(std::string_view value) {
  if (head_.minor_version == 0) return &kCodingOld;
  if (head_.framing == Framing::chunked) return &kCodingTwice;
  if (head_.framing == Framing::length) return &kBoth;
  if (equals_lower(value, "chunked")) {
    head_.framing = Framing::chunked;
    return nullptr;
  }
  // Refused either way. A list of tokens in which chunked is last or absent is about
  // codings we do not have; anything else is an attempt at being read differently.
  if (value.empty()) return &kCoding;
  bool chunked = false;
  for (std::string_view rest = value; rest.data() != nullptr;) {
    const std::string_view coding = take_element(rest);
    if (chunked || coding.empty()) return &kCoding;
    for (const char c : coding) {
      if (!chars::is(c, chars::kToken)) return &kCoding;
    }
    chunked = equals_lower(coding, "chunked");
  }
  return &kCodingUnknown;
}

void HeadParser::connection(std::string_view value) {
  for (std::string_view rest = value; rest.data() != nullptr;) {
    const std::string_view option = take_element(rest);
    close_ = close_ || equals_lower(option, "close");
    stay_ = stay_ || equals_lower(option, "keep-alive");
  }
}

HeadParser::Problem HeadParser::finish() {
  if (!host_ && head_.minor_version != 0) return &kNoHost;
  head_.keep_alive = !close_ && (stay_ || head_.minor_version != 0);
  // Nothing to wait for: answering 100 would only cost a packet.
  if (head_.framing == Framing::none ||
      (head_.framing == Framing::length && head_.content_length == 0)) {
    head_.expect_continue = false;
  }
  return nullptr;
}

HeadResult failed(const ParseError& error) {
  return {.state = Parse::failed, .consumed = 0, .error = error};
}

// Looks only at what came since the last call, none of which ends a line.
HeadResult check_unfinished_line(std::string_view input, const HeadLimits& limits,
                                 std::size_t scanned) {
  const std::size_t newline = input.rfind('\n');
  const std::size_t start = newline == std::string_view::npos ? 0 : newline + 1;
  // The line that is skipped before the request line is "\r\n", two bytes.
  const bool first = start == 0 || (start == 2 && input.front() == '\r');
  const std::size_t limit = first ? limits.request_line : limits.field_size;
  const char* const line = input.data() + start;
  const char* const end = input.data() + input.size();
  // From one byte before: a CR that was last may be followed by something now.
  const char* const fresh = std::max(line, input.data() + scanned - 1);
  const char* const bad = find_control(fresh, end);
  if (static_cast<std::size_t>(bad - line) > limit) {
    return failed(first ? kLineLimit : kFieldLimit);
  }
  if (bad != end && !(*bad == '\r' && bad + 1 == end)) return failed(kControl);
  return {};
}

}  // namespace

HeadResult parse_head(std::string_view input, const HeadLimits& limits,
                      std::size_t& scanned, RequestHead& head) {
  // Complete lines are read again only when there is a new one, so a head costs at
  // most its length times its number of lines, however it is cut into pieces.
  if (scanned > 0 && scanned <= input.size() &&
      input.find('\n', scanned) == std::string_view::npos) {
    const HeadResult result = check_unfinished_line(input, limits, scanned);
    if (result.state == Parse::incomplete) scanned = input.size();
    return result;
  }
  HeadParser parser{limits, head};
  const char* const begin = input.data();
  const char* const end = begin + input.size();
  const char* at = input.starts_with("\r\n") ? begin + 2 : begin;
  for (bool first = true;; first = false) {
    const std::size_t limit = first ? limits.request_line : limits.field_size;
    const char* const stop = find_control(at, end);
    if (static_cast<std::size_t>(stop - at) > limit) {
      return failed(first ? kLineLimit : kFieldLimit);
    }
    if (end - stop < 2) {
      if (stop != end && *stop != '\r') return failed(kControl);
      scanned = input.size();
      return {};
    }
    if (stop[0] != '\r' || stop[1] != '\n') return failed(kControl);
    const ParseError* problem = nullptr;
    if (first) {
      if (stop == at) return failed(kNoLine);
      problem = parser.request_line({at, static_cast<std::size_t>(stop - at)});
    } else if (stop == at) {
      problem = parser.finish();
      if (problem != nullptr) return failed(*problem);
      scanned = 0;
      return {.state = Parse::complete,
              .consumed = static_cast<std::size_t>(stop + 2 - begin),
              .error = {}};
    } else {
      problem = parser.field(at, stop, end);
    }
    if (problem != nullptr) return failed(*problem);
    at = stop + 2;
  }
}

}  // namespace monodon::http
