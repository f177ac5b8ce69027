// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace monodon::http {

struct Field {
  std::string_view name;   // as sent; tchar only
  std::string_view value;  // without surrounding SP / HTAB; may hold obs-text
};

enum class Framing : std::uint8_t { none, length, chunked };

// A request head that passed every check (RFC 9112, and the stricter rules listed in
// worker/http/parser.h). All views point into the connection's input buffer, which
// stays where it is until the response is finished; only `path` may be a constant
// ("/" or "*", where an absolute-form has none).
struct RequestHead {
  std::string_view method;  // upper case token
  std::string_view target;  // as sent: RAW_URI
  std::string_view path;    // of origin- and absolute-form, not percent-decoded; "*"
  std::string_view query;   // without "?"
  std::string_view host;    // value of Host, or the authority of an absolute-form
  std::string_view request_line;   // for the access log, without CRLF
  std::uint8_t minor_version = 1;  // HTTP/1.minor
  Framing framing = Framing::none;
  std::uint64_t content_length = 0;  // with Framing::length
  bool keep_alive = true;            // what the client asks for
  bool expect_continue = false;
  std::uint32_t dropped_fields = 0;  // names with an underscore, "Proxy"
  std::vector<Field> fields;         // in order, without the dropped ones
  // Fields named in HeadLimits::forwarder_names, kept aside: what they are worth
  // depends on the peer (worker/http/forwarded.h), the application never sees these.
  std::vector<Field> forwarder_fields;

  // The first field of that name (ASCII case-insensitive), or an empty view with a
  // null data() when there is none.
  [[nodiscard]] std::string_view find(std::string_view name) const noexcept;

  // As new, but the capacity of the vectors stays: one head serves a connection.
  void clear() noexcept;
};

}  // namespace monodon::http
