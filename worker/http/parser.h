// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "worker/http/request.h"

namespace monodon::http {

struct HeadLimits {
  std::size_t request_line = 4094;
  std::size_t fields = 100;
  std::size_t field_size = 8190;  // name, colon and value
  // What becomes of names with an underscore: CGI cannot tell "X_A" from "X-A", so a
  // client could forge what a proxy sets. `refuse` is a 400.
  enum class Underscores : std::uint8_t {
    drop,
    refuse,
    keep
  } underscores = Underscores::drop;
  // Names with an underscore that a trusted proxy may send ("SCRIPT_NAME"); compared
  // without case. They go to RequestHead::forwarder_fields under every policy. The
  // strings outlive the limits.
  std::span<const std::string> forwarder_names{};

  // No head that these limits allow is longer, the skipped empty line included.
  [[nodiscard]] std::size_t longest_head() const noexcept {
    return 2 + request_line + 2 + fields * (field_size + 2) + 2;
  }
};

struct ParseError {
  int status = 400;         // 400, 404, 414, 417, 431, 501, 505
  const char* reason = "";  // ours, fit for log and error page
};

// Under HeadLimits::Underscores::refuse, wherever the name is looked at.
inline constexpr ParseError kUnderscoreRefused{400,
                                               "header field name with an underscore"};

enum class Parse : std::uint8_t { incomplete, complete, failed };

struct HeadResult {
  Parse state = Parse::incomplete;
  std::size_t consumed = 0;  // bytes of the head, empty line included, if complete
  ParseError error;          // if failed; the connection must answer once and close
};

// Parses one request head at the start of `input`. Pure, but for `scanned`: the number
// of bytes known to hold no end of head, so that a head that comes byte by byte is not
// read again from its start (start with 0; kept by the caller; 0 again after a complete
// head). `head` means something only when the state is complete.
//
// Errors are found as early as the bytes allow, and a limit strikes before its buffer
// is full. Stricter than RFC 9112 allows to be lenient; every one of these is an
// error: bare LF or CR, NUL and other controls, obs-fold, space before the colon,
// empty names, missing or repeated Host on 1.1, repeated Content-Type, Content-Length
// that is not 1*DIGIT or is repeated, Transfer-Encoding with Content-Length, on
// HTTP/1.0, repeated, or anything but exactly "chunked", a fragment or control byte
// in the target, CONNECT, "*" with a method other than OPTIONS, lower-case methods,
// versions other than HTTP/1.0 and HTTP/1.1 (505). Unknown codings are 501.
// At most one empty line (CRLF) before the request line is skipped (RFC 9112 2.2).
//
// Also refused: a Host that is empty or not host[:port]; an absolute-form with another
// scheme than http and https, or with userinfo; expectations other than 100-continue
// (417). "Proxy" is dropped (CVE-2016-5385, httpoxy). The Host field that comes with an
// absolute-form must be a valid one, and is not believed (RFC 9112 3.2.2).
HeadResult parse_head(std::string_view input, const HeadLimits& limits,
                      std::size_t& scanned, RequestHead& head);

// Decodes a chunked body (RFC 9112 7.1) piece by piece. Trailers are checked for
// syntax, bounded and dropped. Framing overhead (chunk lines, extensions, trailers)
// is bounded: 16 KiB of extensions and trailers, or 64 bytes a chunk on top.
class ChunkedDecoder {
 public:
  struct Step {
    Parse state = Parse::incomplete;
    std::size_t consumed = 0;  // bytes of `input` used up by this step
    std::string_view data;     // body bytes found, a view into `input`; may be empty
    ParseError error;
  };

  // Call again with the rest of the input until `data` is empty and consumed is 0
  // (more is needed), the state is complete (after the last trailer) or failed. Both
  // are final: later calls consume nothing and say the same.
  Step step(std::string_view input);

  // What the client has announced of the present chunk and not sent yet.
  [[nodiscard]] std::uint64_t announced() const noexcept { return left_; }

 private:
  enum class At : std::uint8_t {
    size,
    extension,        // white space: ";" must follow
    extension_start,  // after ";", or white space after it
    extension_name,
    extension_equals,  // white space after the name: "=" or ";" must follow
    value_start,
    value_token,
    value_quoted,
    value_escaped,  // after a backslash
    value_end,      // after the closing quote, or white space after a value
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer_name,
    trailer_value,
    trailer_lf,
    end_lf,
    done,
    failed
  };
  const char* take(char c);  // one byte of framing; a reason if it is wrong
  const char* take_size(char c);
  const char* take_extension(char c);
  const char* take_value(char c);
  const char* take_quoted(char c);
  bool end_element(char c);
  const char* take_trailer(char c);

  At at_ = At::size;
  std::uint64_t left_ = 0;  // of the chunk
  std::uint32_t digits_ = 0;
  std::uint64_t overhead_ = 0;  // bytes that are not body, less 64 for each chunk
  const char* reason_ = "";
};

}  // namespace monodon::http
