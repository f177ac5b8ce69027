// SPDX-License-Identifier: Apache-2.0
#include "worker/python/environ.h"

#include <array>
#include <cstdlib>
#include <stdexcept>

#include "worker/python/cgi_names.h"

namespace monodon::python {
namespace {

constexpr std::size_t kMaxNames = 512;       // field names remembered
constexpr std::size_t kMaxRemembered = 256;  // bytes of a value remembered

constexpr std::array<const char*, 16> kKeyTexts = {
    "REQUEST_METHOD",  "SERVER_PROTOCOL", "RAW_URI",          "REQUEST_URI",
    "PATH_INFO",       "SCRIPT_NAME",     "QUERY_STRING",     "REMOTE_ADDR",
    "REMOTE_PORT",     "SERVER_NAME",     "SERVER_PORT",      "REQUEST_ID",
    "wsgi.url_scheme", "wsgi.input",      "wsgi.early_hints", "HTTP_HOST"};

[[noreturn]] void refuse() {
  throw std::runtime_error{take_traceback()};
}

Ref required(PyObject* object) {
  if (object == nullptr) refuse();
  return Ref::steal(object);
}

void set_required(PyObject* dict, const char* key, PyObject* value) {
  const Ref name = required(PyUnicode_InternFromString(key));
  if (value == nullptr || PyDict_SetItem(dict, name.get(), value) != 0) refuse();
}

void set_text(PyObject* dict, const char* key, std::string_view value) {
  const Ref text = latin1(value);
  set_required(dict, key, text.get());
}

}  // namespace

EnvironMaker::EnvironMaker(const worker::Boot& boot, PyObject* errors,
                           PyObject* file_wrapper)
    : multithread_{boot.settings.threads > 1},
      multiprocess_{boot.settings.workers > 1},
      errors_{errors},
      file_wrapper_{file_wrapper} {
  static_assert(kKeyTexts.size() == kKeys);
  Py_INCREF(errors_);
  Py_INCREF(file_wrapper_);
  if (const char* script_name = std::getenv("SCRIPT_NAME"); script_name != nullptr)
    script_name_ = script_name;
  for (const char* text : kKeyTexts)
    keys_.push_back(required(PyUnicode_InternFromString(text)));
  for (const worker::ListenerInfo& listener : boot.listeners)
    templates_.push_back({&listener, make_template(listener)});
}

// Every key that a request can set is in the template, so that setting it replaces a
// value and the copy never grows but for header fields.
Ref EnvironMaker::make_template(const worker::ListenerInfo& listener) const {
  Ref owned = required(PyDict_New());
  PyObject* dict = owned.get();
  for (const char* key : {"REQUEST_METHOD", "RAW_URI", "REQUEST_URI", "PATH_INFO",
                          "QUERY_STRING", "REMOTE_ADDR", "REQUEST_ID"})
    set_text(dict, key, "");
  set_text(dict, "SERVER_PROTOCOL", "HTTP/1.1");
  set_text(dict, "SERVER_SOFTWARE", "monodon/" MONODON_VERSION);
  set_text(dict, "SERVER_NAME", listener.unix_socket ? "localhost" : listener.host);
  set_text(dict, "SERVER_PORT",
           listener.unix_socket ? "80" : std::to_string(listener.port));
  set_text(dict, "SCRIPT_NAME", script_name_);
  set_text(dict, "wsgi.url_scheme", "http");
  const Ref version = required(Py_BuildValue("(ii)", 1, 0));
  set_required(dict, "wsgi.version", version.get());
  set_required(dict, "wsgi.errors", errors_);
  set_required(dict, "wsgi.file_wrapper", file_wrapper_);
  set_required(dict, "wsgi.input", Py_None);
  set_required(dict, "wsgi.early_hints", Py_None);
  set_required(dict, "wsgi.input_terminated", Py_True);
  set_required(dict, "wsgi.run_once", Py_False);
  set_required(dict, "wsgi.multithread", multithread_ ? Py_True : Py_False);
  set_required(dict, "wsgi.multiprocess", multiprocess_ ? Py_True : Py_False);
  return owned;
}

PyObject* EnvironMaker::template_for(const worker::ListenerInfo& listener) {
  for (const Template& t : templates_)
    if (t.listener == &listener) return t.dict.get();
  // Not one of the boot message: a local request without any listener.
  templates_.push_back({&listener, make_template(listener)});
  return templates_.back().dict.get();
}

Ref EnvironMaker::make(const Call& call) {
  const worker::Request& request = *call.request;
  Ref dict = Ref::steal(PyDict_Copy(template_for(*request.listener)));
  if (!dict) return {};
  // After the copy, which may run the garbage collector and so other threads.
  ++serial_;
  PyObject* d = dict.get();
  const http::RequestHead& head = *request.head;
  const bool done =
      PyDict_SetItem(d, keys_[kInput].get(), call.input.get()) == 0 &&
      PyDict_SetItem(d, keys_[kEarlyHints].get(), call.early_hints.get()) == 0 &&
      set_repeating(d, kRequestMethod, head.method, method_) &&
      (head.minor_version != 0 || set(d, kServerProtocol, "HTTP/1.0")) &&
      set_path(d, request) && set_server(d, request) && set_peer(d, request) &&
      set(d, kRequestId, request.request_id) && set_fields(d, request);
  return done ? std::move(dict) : Ref{};
}

bool EnvironMaker::set(PyObject* dict, Key key, std::string_view text) {
  const Ref value = latin1(text);
  return value && PyDict_SetItem(dict, keys_[key].get(), value.get()) == 0;
}

// For what is often the same from one request to the next.
bool EnvironMaker::set_repeating(PyObject* dict, Key key, std::string_view text,
                                 Last& last) {
  if (text.size() > kMaxRemembered) return set(dict, key, text);
  if (!last.object || last.text != text) {
    Ref value = latin1(text);
    if (!value) return false;
    last.object = std::move(value);
    last.text = text;
  }
  return PyDict_SetItem(dict, keys_[key].get(), last.object.get()) == 0;
}

bool EnvironMaker::set_path(PyObject* dict, const worker::Request& request) {
  const http::RequestHead& head = *request.head;
  if (!set_repeating(dict, kRawUri, head.target, target_)) return false;
  // The same str again, held by the dictionary.
  PyObject* target = PyDict_GetItemWithError(dict, keys_[kRawUri].get());
  if (target == nullptr || PyDict_SetItem(dict, keys_[kRequestUri].get(), target) != 0)
    return false;
  if (!head.query.empty() && !set_repeating(dict, kQueryString, head.query, query_))
    return false;

  const bool forwarded = !request.script_name.empty();
  const std::string_view script = forwarded ? request.script_name : script_name_;
  if (forwarded && !set(dict, kScriptName, script)) return false;
  if (request.path_info.data() != nullptr)
    return set(dict, kPathInfo, request.path_info);
  std::string_view path = head.path;
  if (!script.empty()) {
    if (!path.starts_with(script)) {
      PyErr_SetString(PyExc_ValueError, "the path does not begin with SCRIPT_NAME");
      return false;
    }
    path.remove_prefix(script.size());
  }
  if (path.find('%') != std::string_view::npos) {
    scratch_.clear();
    percent_decode(path, scratch_);
    return set(dict, kPathInfo, scratch_);
  }
  if (path == head.target)
    return PyDict_SetItem(dict, keys_[kPathInfo].get(), target) == 0;
  return set(dict, kPathInfo, path);
}

// On a Unix socket only the client can say by which name it came (as Gunicorn does).
bool EnvironMaker::set_server(PyObject* dict, const worker::Request& request) {
  const bool secure = request.scheme == "https";
  if (secure && !set_repeating(dict, kUrlScheme, request.scheme, scheme_)) return false;
  if (!request.listener->unix_socket) return true;
  const HostPort server = split_host(request.head->host);
  if (!server.host.empty() && !set_repeating(dict, kServerName, server.host, host_))
    return false;
  if (!server.port.empty()) return set_repeating(dict, kServerPort, server.port, port_);
  return !secure || set_repeating(dict, kServerPort, "443", port_);
}

bool EnvironMaker::set_peer(PyObject* dict, const worker::Request& request) {
  if (!request.remote_addr.empty() &&
      !set_repeating(dict, kRemoteAddr, request.remote_addr, remote_))
    return false;
  if (request.remote_port == 0) return true;
  return set(dict, kRemotePort, std::to_string(request.remote_port));
}

bool EnvironMaker::set_fields(PyObject* dict, const worker::Request& request) {
  const http::RequestHead& head = *request.head;
  bool has_host = false;
  std::size_t position = 0;
  for (const http::Field& field : head.fields) {
    Name spare;
    Name* name = name_of(field.name, position++, spare);
    if (name == nullptr) return false;
    if (name == &spare && PyDict_Contains(dict, spare.key.get()) == 1)
      spare.seen = serial_;
    has_host = has_host || name->host;
    // The authority of an absolute-form target counts, not the field (RFC 9112 3.2.2).
    if (!set_field(dict, *name, name->host ? head.host : field.value)) return false;
  }
  return has_host || head.host.empty() || set(dict, kHttpHost, head.host);
}

bool EnvironMaker::set_field(PyObject* dict, Name& name, std::string_view value) {
  const bool repeated = name.seen == serial_;
  name.seen = serial_;
  const bool remember = !name.secret && value.size() <= kMaxRemembered;
  if (remember && !repeated && name.last && name.last_text == value)
    return PyDict_SetItem(dict, name.key.get(), name.last.get()) == 0;
  Ref text = latin1(value);
  if (!text) return false;
  if (repeated) return join_field(dict, name, text.get());
  if (PyDict_SetItem(dict, name.key.get(), text.get()) != 0) return false;
  if (remember) {
    name.last = std::move(text);
    name.last_text = value;
  }
  return true;
}

bool EnvironMaker::join_field(PyObject* dict, const Name& name, PyObject* value) const {
  PyObject* first = PyDict_GetItemWithError(dict, name.key.get());
  if (first == nullptr) return false;
  const Ref joined =
      Ref::steal(PyUnicode_FromFormat(name.cookie ? "%U; %U" : "%U,%U", first, value));
  return joined && PyDict_SetItem(dict, name.key.get(), joined.get()) == 0;
}

EnvironMaker::Name* EnvironMaker::name_of(std::string_view field_name,
                                          std::size_t position, Name& spare) {
  if (position >= last_order_.size()) last_order_.resize(position + 1);
  const auto*& last = last_order_[position];
  if (last != nullptr && last->first == field_name) return last->second;
  Name* name = find_or_add(field_name, spare);
  const auto known = by_field_.find(field_name);
  last = known == by_field_.end() ? nullptr : &*known;
  return name;
}

// Two spellings ("X-A", "x-a") are one Name. When the table is full, a name that is
// not in it lives in `spare`, for this field only.
EnvironMaker::Name* EnvironMaker::find_or_add(std::string_view field_name,
                                              Name& spare) {
  if (const auto known = by_field_.find(field_name); known != by_field_.end())
    return known->second;
  const std::string key = environ_key(field_name);
  const auto same = by_key_.find(key);
  Name* name = same == by_key_.end() ? nullptr : same->second;
  if (name == nullptr) {
    const bool room = names_.size() < kMaxNames;
    name = room ? &names_.emplace_back() : &spare;
    // Interning may be for ever (CPython 3.12), so only for names that are kept.
    name->key = Ref::steal(room ? PyUnicode_InternFromString(key.c_str())
                                : PyUnicode_FromString(key.c_str()));
    if (!name->key) return nullptr;
    name->cookie = key == "HTTP_COOKIE";
    name->host = key == "HTTP_HOST";
    name->secret = name->cookie || key.ends_with("AUTHORIZATION");
    if (room) by_key_.emplace(key, name);
  }
  if (by_field_.size() < 2 * kMaxNames && name != &spare)
    by_field_.emplace(field_name, name);
  return name;
}

}  // namespace monodon::python
