// SPDX-License-Identifier: Apache-2.0
// The environ of one request, made plainly.
#include "worker/python/wsgi/environ.h"

#include <array>
#include <stdexcept>

#include "base/version.h"
#include "worker/http/chars.h"
#include "worker/http/path.h"
#include "worker/python/wsgi/cgi_names.h"

namespace monodon::python {
namespace {

constexpr std::array<const char*, 17> kKeyTexts = {
    "REQUEST_METHOD",  "SERVER_PROTOCOL", "RAW_URI",          "REQUEST_URI",
    "PATH_INFO",       "SCRIPT_NAME",     "QUERY_STRING",     "REMOTE_ADDR",
    "REMOTE_PORT",     "SERVER_NAME",     "SERVER_PORT",      "REQUEST_ID",
    "wsgi.url_scheme", "wsgi.input",      "wsgi.early_hints", "HTTP_HOST",
    "CONTENT_LENGTH"};

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
      request_uri_{boot.settings.request_uri},
      early_hints_{boot.settings.early_hints},
      errors_{errors},
      file_wrapper_{file_wrapper} {
  static_assert(kKeyTexts.size() == kKeys);
  Py_INCREF(errors_);
  Py_INCREF(file_wrapper_);
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
  for (const char* key : {"REQUEST_METHOD", "RAW_URI", "SCRIPT_NAME", "PATH_INFO",
                          "QUERY_STRING", "REMOTE_ADDR", "REQUEST_ID"})
    set_text(dict, key, "");
  if (request_uri_) set_text(dict, "REQUEST_URI", "");
  set_text(dict, "SERVER_PROTOCOL", "HTTP/1.1");
  set_text(dict, "SERVER_SOFTWARE", "monodon/" MONODON_VERSION);
  set_text(dict, "SERVER_NAME", listener.unix_socket ? "localhost" : listener.host);
  set_text(dict, "SERVER_PORT",
           listener.unix_socket ? "80" : std::to_string(listener.port));
  set_text(dict, "wsgi.url_scheme", "http");
  const Ref version = required(Py_BuildValue("(ii)", 1, 0));
  set_required(dict, "wsgi.version", version.get());
  set_required(dict, "wsgi.errors", errors_);
  set_required(dict, "wsgi.file_wrapper", file_wrapper_);
  set_required(dict, "wsgi.input", Py_None);
  if (early_hints_) set_required(dict, "wsgi.early_hints", Py_None);
  set_required(dict, "wsgi.input_terminated", Py_True);
  set_required(dict, "wsgi.run_once", Py_False);
  set_required(dict, "wsgi.multithread", multithread_ ? Py_True : Py_False);
  set_required(dict, "wsgi.multiprocess", multiprocess_ ? Py_True : Py_False);
  return owned;
}

void EnvironMaker::mark(const char* key) {
  for (const Template& t : templates_)
    if (PyDict_SetItemString(t.dict.get(), key, Py_True) != 0) PyErr_Clear();
  shapes_.clear();
  last_shape_ = nullptr;
}

PyObject* EnvironMaker::template_for(const worker::ListenerInfo& listener) {
  for (const Template& t : templates_)
    if (t.listener == &listener) return t.dict.get();
  // Not one of the boot message: a local request without any listener.
  templates_.push_back({&listener, make_template(listener)});
  return templates_.back().dict.get();
}

Ref EnvironMaker::make_plainly(const Call& call) {
  const worker::Request& request = *call.request;
  Ref dict = Ref::steal(PyDict_Copy(template_for(*request.listener)));
  if (!dict) return {};
  PyObject* d = dict.get();
  const bool done = set_protocol(d, *request.head) && set_path(d, request) &&
                    set_server(d, request) && set_peer(d, request) &&
                    set_fields(d, request) && set_own(d, call);
  return done ? std::move(dict) : Ref{};
}

// What is of this request alone.
bool EnvironMaker::set_own(PyObject* dict, const Call& call) {
  return PyDict_SetItem(dict, keys_[kInput].get(), call.input.get()) == 0 &&
         (!early_hints_ || PyDict_SetItem(dict, keys_[kEarlyHints].get(),
                                          call.callables.early_hints.get()) == 0) &&
         set(dict, kRequestId, call.request->request_id);
}

// As all that follow, it says everything anew: `dict` may be a shape's, with the values
// of another request.
bool EnvironMaker::set_protocol(PyObject* dict, const http::RequestHead& head) {
  return set(dict, kRequestMethod, head.method) &&
         set(dict, kServerProtocol, head.minor_version != 0 ? "HTTP/1.1" : "HTTP/1.0");
}

bool EnvironMaker::set(PyObject* dict, Key key, std::string_view text) {
  const Ref value = latin1(text);
  return value && PyDict_SetItem(dict, keys_[key].get(), value.get()) == 0;
}

bool EnvironMaker::set_path(PyObject* dict, const worker::Request& request) {
  const http::RequestHead& head = *request.head;
  const Ref target = latin1(head.target);
  if (!target || PyDict_SetItem(dict, keys_[kRawUri].get(), target.get()) != 0 ||
      (request_uri_ &&
       PyDict_SetItem(dict, keys_[kRequestUri].get(), target.get()) != 0) ||
      !set(dict, kQueryString, head.query))
    return false;

  if (!set(dict, kScriptName, request.script_name)) return false;
  const std::string_view path = request.path_info;
  if (path.find('%') != std::string_view::npos) {
    scratch_.clear();
    http::percent_decode(path, scratch_);
    return set(dict, kPathInfo, scratch_);
  }
  if (path == head.target)
    return PyDict_SetItem(dict, keys_[kPathInfo].get(), target.get()) == 0;
  return set(dict, kPathInfo, path);
}

// On a Unix socket only the client can say by which name it came (as Gunicorn does).
bool EnvironMaker::set_server(PyObject* dict, const worker::Request& request) {
  if (!set(dict, kUrlScheme, request.scheme)) return false;
  if (!request.listener->unix_socket) return true;
  const HostPort server = split_host(request.head->host);
  const std::string_view port = request.scheme == "https" ? "443" : "80";
  return set(dict, kServerName, server.host.empty() ? "localhost" : server.host) &&
         set(dict, kServerPort, server.port.empty() ? port : server.port);
}

bool EnvironMaker::set_peer(PyObject* dict, const worker::Request& request) {
  return set(dict, kRemoteAddr, request.remote_addr) &&
         (request.remote_port == 0 ||
          set(dict, kRemotePort, std::to_string(request.remote_port)));
}

bool EnvironMaker::set_fields(PyObject* dict, const worker::Request& request) {
  const http::RequestHead& head = *request.head;
  bool has_host = false;
  const bool chunked = head.framing == http::Framing::chunked;
  if (chunked && !set(dict, kContentLength, std::to_string(request.body->size())))
    return false;
  for (const http::Field& field : head.fields) {
    if (chunked && http::equals_lower(field.name, "transfer-encoding")) continue;
    FieldName spare;
    const FieldName* name = names_.find_or_add(field.name, spare);
    if (name == nullptr) return false;
    has_host = has_host || name->host;
    // The authority of an absolute-form target counts, not the field (RFC 9112 3.2.2).
    const Ref value = latin1(name->host ? head.host : field.value);
    if (!value) return false;
    const int before = PyDict_Contains(dict, name->key.get());
    if (before < 0) return false;
    // No key of a field is in the template: this is its second value.
    if (before == 1 ? !join_field(dict, *name, value.get())
                    : PyDict_SetItem(dict, name->key.get(), value.get()) != 0)
      return false;
  }
  return has_host || head.host.empty() || set(dict, kHttpHost, head.host);
}

bool EnvironMaker::join_field(PyObject* dict, const FieldName& name,
                              PyObject* value) const {
  PyObject* first = PyDict_GetItemWithError(dict, name.key.get());
  if (first == nullptr) return false;
  const Ref joined =
      Ref::steal(PyUnicode_FromFormat(name.cookie ? "%U; %U" : "%U,%U", first, value));
  return joined && PyDict_SetItem(dict, name.key.get(), joined.get()) == 0;
}

}  // namespace monodon::python
