// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/byte_buffer.h"
#include "base/result.h"
#include "worker/http/request.h"

namespace monodon::worker {

// Everything an access-log line can tell about one finished request.
struct AccessRecord {
  const http::RequestHead* head = nullptr;  // null: no head could be read
  std::string_view remote_addr;
  std::string_view scheme;
  std::string_view request_id;
  std::string_view trace_id;       // empty: none
  std::string_view response_head;  // as sent; for %({name}o)s
  int status = 0;                  // 0: nothing was sent
  std::uint64_t body_bytes = 0;    // sent
  std::uint64_t duration_us = 0;   // head complete to response given to the kernel
  std::uint16_t close_code = 0;    // of a WebSocket; 0: it is none
  std::int64_t wall_seconds = 0;   // Unix time when the request was complete
};

// A compiled access-log format: Gunicorn's language (atoms h l u t r m U q H s B b f a
// T M D L p, {header}i {header}o {variable}e), "json",
// "terminal" (in colour with `coloured`), or "" for Gunicorn's default.
// What is missing is "-" (json: null). Names in braces are found in capital or small
// letters. The variables are those that the request itself gives the WSGI environ, not
// what the application adds.
//
// Nothing a client sends can forge a line or a field: quotes, backslashes, controls and
// bytes outside ASCII are escaped (\" \\ \xNN), and spaces (\x20) where the format has
// no quotes around the atom. Pure but for the time zone and the pid; safe in any
// thread.
class AccessFormat {
 public:
  // An Error names the position and the atom that is not understood.
  static Result<AccessFormat> compile(std::string_view format, bool coloured = false);
  AccessFormat(AccessFormat&&) noexcept;
  AccessFormat& operator=(AccessFormat&&) noexcept;
  ~AccessFormat();

  // Appends one line with its newline.
  void append(const AccessRecord& record, ByteBuffer& to) const;

 private:
  struct Program;
  explicit AccessFormat(std::unique_ptr<Program> program);
  std::unique_ptr<Program> program_;
};

}  // namespace monodon::worker
