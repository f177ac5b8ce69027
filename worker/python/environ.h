// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "worker/application.h"
#include "worker/python/call.h"
#include "worker/python/py.h"

namespace monodon::python {

// Makes the environ of PEP 3333, with the keys and forms Gunicorn's users know.
//
// Four fifths of the time of a simple WSGI server go into this dictionary, so: every
// request starts from a copy of a dictionary that has all keys already (one for each
// listener), names of fields become keys once, and a value that came with the last
// request too is the same object again. Names and values that are remembered are
// bounded, and secrets (Cookie, Authorization) are not remembered.
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

 private:
  // One key of a header field and what came under it last.
  struct Name {
    Ref key;
    std::uint64_t seen = 0;  // serial of the last request that had it
    bool secret = false;
    bool cookie = false;
    bool host = false;
    std::string last_text;
    Ref last;
  };
  struct Last {
    std::string text;
    Ref object;
  };
  struct Template {
    const worker::ListenerInfo* listener = nullptr;
    Ref dict;
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
    kKeys
  };

  [[nodiscard]] Ref make_template(const worker::ListenerInfo& listener) const;
  [[nodiscard]] PyObject* template_for(const worker::ListenerInfo& listener);
  bool set(PyObject* dict, Key key, std::string_view text);
  bool set_repeating(PyObject* dict, Key key, std::string_view text, Last& last);
  bool set_path(PyObject* dict, const worker::Request& request);
  bool set_server(PyObject* dict, const worker::Request& request);
  bool set_peer(PyObject* dict, const worker::Request& request);
  bool set_fields(PyObject* dict, const worker::Request& request);
  bool set_field(PyObject* dict, Name& name, std::string_view value);
  bool join_field(PyObject* dict, const Name& name, PyObject* value) const;
  // `position` of the field among its request's.
  [[nodiscard]] Name* name_of(std::string_view field_name, std::size_t position,
                              Name& spare);
  [[nodiscard]] Name* find_or_add(std::string_view field_name, Name& spare);

  bool multithread_;
  bool multiprocess_;
  PyObject* errors_;
  PyObject* file_wrapper_;
  std::string script_name_;  // of the process environment
  std::vector<Ref> keys_;
  std::vector<Template> templates_;
  std::deque<Name> names_;                         // stable addresses
  std::unordered_map<std::string, Name*> by_key_;  // "HTTP_X_Y"
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const noexcept {
      return std::hash<std::string_view>{}(s);
    }
  };
  using ByField = std::unordered_map<std::string, Name*, Hash, std::equal_to<>>;
  ByField by_field_;  // as sent
  // Where the last request had which field: a proxy sends them in one order, so most
  // names are found without hashing them.
  std::vector<const ByField::value_type*> last_order_;
  std::uint64_t serial_ = 0;
  std::string scratch_;
  Last method_, protocol_, target_, query_, remote_, host_, port_, scheme_;
};

}  // namespace monodon::python
