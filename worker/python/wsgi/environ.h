// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "worker/application.h"
#include "worker/python/py.h"
#include "worker/python/wsgi/call.h"
#include "worker/python/wsgi/environ_names.h"

namespace monodon::python {

// Makes the environ of PEP 3333, with the keys and forms Gunicorn's users know.
//
// Four fifths of the time of a simple WSGI server go into this dictionary. So the
// requests that carry the same fields in the same order, as a proxy and a browser send
// them, share a Shape: a dictionary that has all their keys and the values of the last
// of them. A request changes in it what differs, and gets a copy. Shapes are few and
// bounded, made for what came twice only; anything unusual is made plainly, from a
// template of its listener. Secrets (Cookie, Authorization), long values and the
// objects of one request go into the copy alone.
//
// A chunked body has been decoded, as RFC 9112 7.1.3 describes it: CONTENT_LENGTH is
// its size, and the coding is not mentioned.
//
// Deliberately other than Gunicorn: REQUEST_URI and REQUEST_ID are set, REMOTE_ADDR
// is the client's when the proxy is trusted, gunicorn.socket is missing (a response
// does not go out by the application's hand), repeated Cookie fields are joined with
// "; " (RFC 9113 8.2.3). Used under the GIL.
class EnvironMaker {
 public:
  // Needs `errors` (wsgi.errors) and `file_wrapper`. Throws std::runtime_error when
  // Python refuses.
  EnvironMaker(const worker::Boot& boot, PyObject* errors, PyObject* file_wrapper);

  // A new dictionary; null with an exception set. Takes wsgi.input and
  // wsgi.early_hints from the call.
  [[nodiscard]] Ref make(const Call& call);

  // Every environ from now on has `key`, which is True.
  void mark(const char* key);

 private:
  struct Template {
    const worker::ListenerInfo* listener = nullptr;
    Ref dict;
  };
  // A field of a shape, and what came in it last.
  struct Slot {
    std::string sent;  // its name as sent
    const FieldName* name = nullptr;
    std::string text;
  };
  struct Shape {
    std::uint64_t hash = 0;
    std::uint64_t used = 0;  // serial of the last request that had it
    const worker::ListenerInfo* listener = nullptr;
    bool remote_port = false;
    std::vector<Slot> slots;
    Ref dict;
    // What the values in `dict` were made of.
    std::string method, target, script_name, scheme, host, remote_addr;
    std::uint8_t minor_version = 1;
    std::uint16_t port = 0;
  };
  enum Key : std::size_t {
    kRequestMethod,
    kServerProtocol,
    kRawUri,
    kRequestUri,
    kPathInfo,
    kScriptName,
    kQueryString,
    kRemoteAddr,
    kRemotePort,
    kServerName,
    kServerPort,
    kRequestId,
    kUrlScheme,
    kInput,
    kEarlyHints,
    kHttpHost,
    kContentLength,
    kKeys
  };

  // environ.cc
  [[nodiscard]] Ref make_template(const worker::ListenerInfo& listener) const;
  [[nodiscard]] PyObject* template_for(const worker::ListenerInfo& listener);
  [[nodiscard]] Ref make_plainly(const Call& call);
  bool set(PyObject* dict, Key key, std::string_view text);
  bool set_own(PyObject* dict, const Call& call);
  bool set_protocol(PyObject* dict, const http::RequestHead& head);
  bool set_path(PyObject* dict, const worker::Request& request);
  bool set_server(PyObject* dict, const worker::Request& request);
  bool set_peer(PyObject* dict, const worker::Request& request);
  bool set_fields(PyObject* dict, const worker::Request& request);
  bool join_field(PyObject* dict, const FieldName& name, PyObject* value) const;

  // environ_shapes.cc
  [[nodiscard]] Shape* shape_for(const worker::Request& request);
  [[nodiscard]] Shape* make_shape(const worker::Request& request, std::uint64_t hash);
  bool update(Shape& shape, const worker::Request& request);
  bool update_fields(Shape& shape, const http::RequestHead& head);
  bool set_unshared(PyObject* dict, const Shape& shape, const http::RequestHead& head);

  bool multithread_;
  bool multiprocess_;
  bool request_uri_;
  bool early_hints_;
  PyObject* errors_;
  PyObject* file_wrapper_;
  std::vector<Ref> keys_;
  std::vector<Template> templates_;
  FieldNames names_;
  std::vector<std::unique_ptr<Shape>> shapes_;
  std::array<std::uint64_t, 64> seen_{};  // hashes of shapes that came once
  Shape* last_shape_ = nullptr;
  std::uint64_t serial_ = 0;
  std::string scratch_;
};

}  // namespace monodon::python
