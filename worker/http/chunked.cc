// SPDX-License-Identifier: Apache-2.0
// The chunked coding, one byte of framing at a time.
#include <algorithm>

#include "worker/http/chars.h"
#include "worker/http/parser.h"

namespace monodon::http {

namespace {

constexpr std::uint64_t kFreeOverhead = 16 * 1024;
constexpr std::uint64_t kOverheadOfChunk = 64;
// 15 digits stay below 2^63 whatever they are, so nothing can overflow.
constexpr std::uint32_t kMostDigits = 15;

// -1: not HEXDIG.
int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

const char* ChunkedDecoder::take_size(char c) {
  if (const int digit = hex_value(c); digit >= 0) {
    if (++digits_ > kMostDigits) return "chunk size has too many digits";
    left_ = left_ << 4 | static_cast<std::uint64_t>(digit);
    return nullptr;
  }
  if (digits_ == 0) return "chunk size is missing";
  if (end_element(c)) return nullptr;
  if (!chars::is(c, chars::kSpace)) return "chunk size is not a hexadecimal number";
  at_ = At::extension;
  return nullptr;
}

// CR, or ";" before the next extension.
bool ChunkedDecoder::end_element(char c) {
  if (c == '\r') {
    at_ = At::size_lf;
  } else if (c == ';') {
    at_ = At::extension_start;
  } else {
    return false;
  }
  return true;
}

// RFC 9112 7.1.1: *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ).
const char* ChunkedDecoder::take_extension(char c) {
  const bool space = chars::is(c, chars::kSpace);
  if (at_ == At::extension) {
    if (space) return nullptr;
    if (c != ';') return "chunk size is followed by something else than an extension";
    at_ = At::extension_start;
    return nullptr;
  }
  const bool token = chars::is(c, chars::kToken);
  if (at_ == At::extension_start) {
    if (token) at_ = At::extension_name;
    return token || space ? nullptr : "chunk extension without a name";
  }
  if (at_ == At::extension_name && (token || end_element(c))) return nullptr;
  // Behind the name: white space that must be followed by "=" or ";".
  if (c == '=') {
    at_ = At::value_start;
  } else if (c == ';') {
    at_ = At::extension_start;
  } else if (space) {
    at_ = At::extension_equals;
  } else {
    return "chunk extension is not a name, or a name and a value";
  }
  return nullptr;
}

const char* ChunkedDecoder::take_value(char c) {
  const bool space = chars::is(c, chars::kSpace);
  const bool token = chars::is(c, chars::kToken);
  if (at_ == At::value_start) {
    if (c == '"') at_ = At::value_quoted;
    if (token) at_ = At::value_token;
    return c == '"' || token || space ? nullptr : "chunk extension without a value";
  }
  if (at_ == At::value_token && token) return nullptr;
  if (end_element(c)) return nullptr;
  if (!space) return "chunk extension is not a name, or a name and a value";
  at_ = At::extension;
  return nullptr;
}

const char* ChunkedDecoder::take_quoted(char c) {
  if (chars::is(c, chars::kControl)) return "control byte in a chunk extension";
  if (at_ == At::value_escaped) {
    at_ = At::value_quoted;
  } else if (c == '"') {
    at_ = At::value_end;
  } else if (c == '\\') {
    at_ = At::value_escaped;
  }
  return nullptr;
}

const char* ChunkedDecoder::take_trailer(char c) {
  if (at_ == At::trailer_start && c == '\r') {
    at_ = At::end_lf;
  } else if (at_ == At::trailer_value) {
    if (c == '\r') {
      at_ = At::trailer_lf;
    } else if (chars::is(c, chars::kControl)) {
      return "control byte in a trailer";
    }
  } else if (chars::is(c, chars::kToken)) {
    at_ = At::trailer_name;
  } else if (at_ == At::trailer_name && c == ':') {
    at_ = At::trailer_value;
  } else {
    return "trailer without a valid name and colon";
  }
  return nullptr;
}

const char* ChunkedDecoder::take(char c) {
  switch (at_) {
    case At::size:
      return take_size(c);
    case At::extension:
    case At::extension_start:
    case At::extension_name:
    case At::extension_equals:
      return take_extension(c);
    case At::value_start:
    case At::value_token:
    case At::value_end:
      return take_value(c);
    case At::value_quoted:
    case At::value_escaped:
      return take_quoted(c);
    case At::size_lf:
      if (c != '\n') return "chunk size does not end in CRLF";
      at_ = left_ == 0 ? At::trailer_start : At::data;
      digits_ = 0;
      return nullptr;
    case At::data_cr:
      if (c != '\r') return "chunk data is longer than its size";
      at_ = At::data_lf;
      return nullptr;
    case At::data_lf:
      if (c != '\n') return "chunk data does not end in CRLF";
      overhead_ -= std::min(overhead_, kOverheadOfChunk);
      at_ = At::size;
      return nullptr;
    case At::trailer_start:
    case At::trailer_name:
    case At::trailer_value:
      return take_trailer(c);
    case At::trailer_lf:
      if (c != '\n') return "trailer does not end in CRLF";
      at_ = At::trailer_start;
      return nullptr;
    case At::end_lf:
      if (c != '\n') return "chunked body does not end in CRLF";
      at_ = At::done;
      return nullptr;
    case At::data:
    case At::done:
    case At::failed:
      break;
  }
  return "chunked body is over";
}

ChunkedDecoder::Step ChunkedDecoder::step(std::string_view input) {
  Step step;
  while (at_ != At::done && at_ != At::failed && step.consumed < input.size()) {
    if (at_ == At::data) {
      step.data = input.substr(step.consumed, left_);
      step.consumed += step.data.size();
      left_ -= step.data.size();
      if (left_ == 0) at_ = At::data_cr;
      return step;
    }
    const char* reason = take(input[step.consumed++]);
    if (reason == nullptr && ++overhead_ > kFreeOverhead) {
      reason = "too much chunk framing for so little data";
    }
    if (reason != nullptr) {
      at_ = At::failed;
      reason_ = reason;
    }
  }
  if (at_ == At::done) step.state = Parse::complete;
  if (at_ == At::failed) {
    step.state = Parse::failed;
    step.error = {400, reason_};
  }
  return step;
}

}  // namespace monodon::http
