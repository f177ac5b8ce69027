// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "worker/application.h"
#include "worker/python/py.h"
#include "worker/python/wsgi/callables.h"

namespace monodon::python {

// One call of the application for one request, and the Python objects through which
// the application talks to us: wsgi.input, start_response, write, wsgi.early_hints.
//
// Those objects are used again for the next request when nobody else kept them;
// otherwise they are cut off from it, after which using them raises. Under
// the GIL throughout.
//
// Other threads of the application may use them, too, until the very end of the
// request. A large block is sent without the GIL; while that lasts the call is `busy`,
// and whoever wants the response waits. So does detach(): no thread is inside a
// response that belongs to the next request.
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

  [[nodiscard]] bool busy() const noexcept {
    return busy_.load(std::memory_order_relaxed);
  }
  // Until it is not busy. Lets go of the GIL meanwhile, so the request may end.
  void await_turn() noexcept;

  // Hands the head that the application gave to start_response to the response, which
  // checks and copies it. False with an exception set: it is refused, of wrong types,
  // or the request ended meanwhile.
  bool keep_head(PyObject* status, PyObject* headers);
  // Has the response begun, unless that was done. False: `refusal()` says why.
  bool begin(std::optional<std::uint64_t> known_length);

  [[nodiscard]] bool started() const noexcept { return started_; }
  [[nodiscard]] bool begun() const noexcept { return begun_; }
  [[nodiscard]] const std::string& refusal() const noexcept { return refusal_; }
  // Value of the application's own Content-Length, if it is there and a number.
  [[nodiscard]] std::optional<std::uint64_t> content_length() const noexcept;

  // As in Response. `bytes`, `last` (null: nothing) and `file` stay the caller's.
  worker::Taken write(PyObject* bytes);
  void finish(PyObject* last);
  bool send_file(int file, std::uint64_t offset, std::uint64_t count);
  void early_hints(std::span<const http::Field> fields);
  [[nodiscard]] bool sent() const noexcept { return response_->sent(); }
  void fail(std::string_view why);

  worker::Request const* request = nullptr;
  bool client_gone = false;
  bool told_enough = false;  // write() has had a block that was not wanted

  Ref input;
  Callables callables;

 private:
  struct Head {
    std::string_view status;  // as the fields, views into `kept`
    std::vector<http::Field> fields;
    std::vector<Ref> kept;
    void forget() noexcept;  // may run code of the application: of its own str classes
  };
  static bool read_head(PyObject* status, PyObject* headers, Head& head);
  template <typename Send>
  auto send(bool large, Send what);

  worker::Response* response_ = nullptr;
  std::atomic<bool> busy_{false};  // changed under the GIL
  std::uint64_t ended_ = 0;        // how many requests have been detached
  bool started_ = false;
  bool begun_ = false;
  std::string refusal_;
  Head head_;
};

// Blocks of at least this size are written without the GIL: copying and system calls
// then take longer than handing it over.
inline constexpr std::size_t kLargeBlock = 64 * 1024;

}  // namespace monodon::python
