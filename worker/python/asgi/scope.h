// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "worker/application.h"
#include "worker/python/py.h"

namespace monodon::python {

// Makes the scope of an HTTP request (ASGI 3.0, HTTP protocol 2.5). Every request has a
// dictionary, a list of headers, and a `state` of its own; what cannot be changed is
// shared: names, and fields that came with the same value in the last request.
//
// As uvicorn has it: `path` is decoded as UTF-8 and has root_path in it; raw_path has
// no query; names of fields are in lower case. The authority of an absolute-form target
// is the value of Host (RFC 9112 3.2.2). Under the GIL.
class ScopeMaker {
 public:
  // `state`: of the lifespan; each request gets a shallow copy.
  void set_state(Ref state) { state_ = std::move(state); }

  // Null with an exception set. `socket`: what the request asks for, or null.
  [[nodiscard]] Ref make(const worker::Request& request,
                         const worker::WebSocket* socket = nullptr);

 private:
  struct Slot {  // a field of the last request
    std::string name;
    std::string value;
    Ref pair;
  };
  [[nodiscard]] Ref headers(const http::RequestHead& head);
  [[nodiscard]] Ref pair(const http::Field& field, std::string_view value,
                         std::size_t index);
  [[nodiscard]] Ref name(std::string_view sent);
  [[nodiscard]] Ref path(const worker::Request& request);
  [[nodiscard]] static Ref client(const worker::Request& request);
  [[nodiscard]] Ref server(const worker::ListenerInfo& listener);
  bool make_constants();
  static bool turn_into_socket(PyObject* scope, const worker::Request& request,
                               const worker::WebSocket& socket);
  [[nodiscard]] Ref method(std::string_view sent);
  [[nodiscard]] static Ref root_path(const worker::Request& request);
  [[nodiscard]] static Ref extensions(bool informational);

  Ref state_;
  Ref begin_;  // of each scope
  Ref asgi_;
  std::array<Ref, 7> methods_;  // those that are usual
  std::vector<Slot> slots_;
  std::unordered_map<std::string, Ref> names_;    // by name as sent; bounded
  std::unordered_map<const void*, Ref> servers_;  // by listener
  std::string scratch_;
};

}  // namespace monodon::python
