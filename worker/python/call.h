// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "worker/application.h"
#include "worker/python/callables.h"
#include "worker/python/py.h"

namespace monodon::python {

// One call of the application for one request, and the Python objects through which
// the application talks to us: wsgi.input, start_response, write, wsgi.early_hints.
//
// Those objects are used again for the next request when nobody else kept them;
// otherwise they are cut off from it, after which using them raises. Under
// the GIL throughout.
class Call {
 public:
  Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() { detach(); }

  // Makes missing objects. False with an exception set: no memory.
  bool attach(const worker::Request& request, worker::Response& response);
  // After the last use of request and response.
  void detach() noexcept;

  // Keeps the head that the application gave to start_response, in its own references,
  // since the list may change afterwards. False with an exception set: wrong types.
  bool keep_head(PyObject* status, PyObject* headers);
  // Hands the head to the response unless that was done. False: `refusal()` says why.
  bool begin(std::optional<std::uint64_t> known_length);

  [[nodiscard]] bool started() const noexcept { return started_; }
  [[nodiscard]] bool begun() const noexcept { return begun_; }
  [[nodiscard]] const std::string& refusal() const noexcept { return refusal_; }
  // Value of the application's own Content-Length, if it is there and a number.
  [[nodiscard]] std::optional<std::uint64_t> content_length() const noexcept;

  // Sends a block. False: the client is gone.
  bool write(PyObject* bytes);

  worker::Request const* request = nullptr;
  worker::Response* response = nullptr;
  bool client_gone = false;

  Ref input;
  Callables callables;

 private:
  [[nodiscard]] std::optional<std::string_view> latin1_of(PyObject* str,
                                                          const char* what);

  bool started_ = false;
  bool begun_ = false;
  std::string refusal_;
  std::string_view status_;
  std::vector<http::Field> fields_;
  std::vector<Ref> kept_;
};

// Blocks of at least this size are written without the GIL: copying and system calls
// then take longer than handing it over.
inline constexpr std::size_t kLargeBlock = 64 * 1024;

// Whether blocks of any size are written without it, because other application
// threads want it. Set once, before the first request.
inline bool share_gil = false;

}  // namespace monodon::python
