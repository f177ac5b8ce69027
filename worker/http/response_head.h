// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "worker/http/request.h"

namespace monodon::http {

// What the application wants to send, still unchecked.
struct ResponseHead {
  std::string_view status;  // "200 OK": three digits, SP, reason
  std::span<const Field> fields;
};

// How the body goes out, decided in one place from request and response.
struct ResponsePlan {
  int status = 0;
  Framing framing = Framing::none;   // none: no body, or until the connection closes
  std::uint64_t content_length = 0;  // with Framing::length
  bool body_allowed = true;          // false: HEAD, 204, 304: body bytes are dropped
  bool keep_alive = true;            // after this response
};

enum class HopByHop : std::uint8_t { refuse, drop };

// The status line and fields of a response that were checked and written, and what the
// rest of the head depends on. Good for the buffer it was made with.
struct WrittenFields {
  std::size_t begin = 0;  // of the head, and the end of what is written, in the buffer
  std::size_t end = 0;
  int status = 0;
  bool server = false;  // the application's own fields
  bool date = false;
  bool close = false;
  bool has_length = false;
  std::uint64_t length = 0;
};

struct ResponseContext {
  const RequestHead* request = nullptr;  // null: the request was refused by us
  bool may_keep_alive = true;            // false: draining to nobody, limits, error
  std::string_view server;               // Server field; empty: none
  std::string_view date;                 // cached IMF-fixdate
  // Length of the whole body if the caller knows it (a list of one item, a file).
  std::optional<std::uint64_t> known_length;
  HopByHop hop_by_hop = HopByHop::refuse;  // for write_head
};

// A head is written in two steps: its fields when the application gives them, so that
// it hears at once what is wrong with them (PEP 3333), and the rest when the first
// block of the body is there. Pure.
//
// write_fields() checks `head` and appends its status line and fields to `out`; an
// error leaves `out` as it was. finish_head() appends our own fields and the empty line
// to the same `out` and says how the body is to be sent; an error takes the head off
// again. write_head() is both.
//
// Refused, with a sentence for the log and nothing appended: a status that is not
// 3 digits 100..599 SP text, 1xx; CR, LF or NUL in status, name or value; a name that
// is not a token; Content-Length that is not 1*DIGIT, repeated, or contradicts
// known_length; Transfer-Encoding, Upgrade or other hop-by-hop fields (PEP 3333 forbids
// them; HopByHop::drop leaves them out). Connection: close alone is honoured,
// keep-alive ignored. Server and Date of the application replace ours.
struct PlanOrError {
  ResponsePlan plan;
  std::string error;  // empty when fine
};
std::string write_fields(const ResponseHead& head, HopByHop hop_by_hop,
                         std::string& out, WrittenFields& written);
PlanOrError finish_head(const WrittenFields& written, const ResponseContext& context,
                        std::string& out);
PlanOrError write_head(const ResponseHead& head, const ResponseContext& context,
                       std::string& out);

// The head of a 101 (RFC 9110 15.2.2), appended to `out`: `fields` of the application,
// checked as above (hop-by-hop ones are left out), then `own`, whole lines, Server and
// Date. An error text leaves `out` as it was. Pure.
std::string write_switch(std::span<const Field> fields, std::string_view own,
                         std::string_view server, std::string_view date,
                         std::string& out);

// A complete response of our own: small HTML page, Connection: close.
// `status` is e.g. 400; `detail` is text of ours, never the client's.
std::string error_response(int status, std::string_view detail, std::string_view server,
                           std::string_view date, bool head_only = false);

// "OK" for 200, "" for an unknown number.
std::string_view reason_phrase(int status) noexcept;

}  // namespace monodon::http
