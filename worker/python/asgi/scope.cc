// SPDX-License-Identifier: Apache-2.0
// The scope of one request.
#include "worker/python/asgi/scope.h"

#include <utility>

#include "worker/http/chars.h"
#include "worker/http/path.h"
#include "worker/python/asgi/names.h"

namespace monodon::python {
namespace {

constexpr std::size_t kMostNames = 256;  // clients choose them
constexpr std::size_t kLongestKept = 200;

bool put(PyObject* dict, PyObject* key, const Ref& value) {
  return value && PyDict_SetItem(dict, key, value.get()) == 0;
}

// Values that nobody should keep, or that are another one each time.
bool is_kept(std::string_view name, std::string_view value) {
  return value.size() <= kLongestKept && !http::equals_lower(name, "cookie") &&
         !http::equals_lower(name, "authorization");
}

Ref utf8(std::string_view bytes) {
  return Ref::steal(PyUnicode_DecodeUTF8(
      bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "replace"));
}

}  // namespace

Ref ScopeMaker::make(const worker::Request& request, const worker::WebSocket* socket) {
  const AsgiNames& n = asgi_names();
  const http::RequestHead& head = *request.head;
  const bool minor = head.minor_version != 0;
  if (!begin_ && !make_constants()) return {};
  // With all keys, so that the copy does not grow.
  Ref scope = Ref::steal(PyDict_Copy(begin_.get()));
  if (!scope) return {};
  PyObject* d = scope.get();
  const bool done =
      put(d, n.asgi, Ref::steal(PyDict_Copy(asgi_.get()))) &&
      (minor || PyDict_SetItem(d, n.http_version, n.one_zero) == 0) &&
      put(d, n.method, method(head.method)) &&
      put(d, n.scheme, latin1(request.scheme)) && put(d, n.path, path(request)) &&
      put(d, n.raw_path, bytes_of(head.path)) &&
      (head.query.empty() || put(d, n.query_string, bytes_of(head.query))) &&
      (request.script_name.empty() || put(d, n.root_path, root_path(request))) &&
      put(d, n.headers, headers(head)) &&
      (request.remote_addr.empty() || put(d, n.client, client(request))) &&
      put(d, n.server, server(*request.listener)) &&
      put(d, n.state, Ref::steal(state_ ? PyDict_Copy(state_.get()) : PyDict_New())) &&
      put(d, n.extensions, extensions(minor)) &&
      (socket == nullptr || turn_into_socket(d, request, *socket));
  return done ? std::move(scope) : Ref{};
}

// ASGI's WebSocket protocol 2.5.
bool ScopeMaker::turn_into_socket(PyObject* scope, const worker::Request& request,
                                  const worker::WebSocket& socket) {
  const AsgiNames& n = asgi_names();
  const Ref offered = Ref::steal(PyList_New(0));
  if (!offered) return false;
  for (const std::string_view one : socket.offered()) {
    const Ref text = latin1(one);
    if (!text || PyList_Append(offered.get(), text.get()) != 0) return false;
  }
  const bool secure = request.scheme == "https";
  return PyDict_SetItem(scope, n.type, n.websocket) == 0 &&
         PyDict_SetItem(scope, n.scheme, secure ? n.wss : n.ws) == 0 &&
         PyDict_DelItem(scope, n.method) == 0 &&
         PyDict_SetItem(scope, n.subprotocols, offered.get()) == 0 &&
         put(scope, n.extensions,
             Ref::steal(Py_BuildValue("{s{}}", "websocket.http.response")));
}

// What most requests have in common.
bool ScopeMaker::make_constants() {
  const AsgiNames& n = asgi_names();
  asgi_ = Ref::steal(Py_BuildValue("{ssss}", "version", "3.0", "spec_version", "2.5"));
  Ref dict = Ref::steal(PyDict_New());
  const Ref root = latin1("");
  if (!asgi_ || !dict || !root) return false;
  PyObject* d = dict.get();
  for (PyObject* key : {n.type, n.asgi, n.http_version, n.method, n.scheme, n.path,
                        n.raw_path, n.query_string, n.root_path, n.headers, n.client,
                        n.server, n.state, n.extensions})
    if (PyDict_SetItem(d, key, Py_None) != 0) return false;
  if (PyDict_SetItem(d, n.type, n.http) != 0 ||
      PyDict_SetItem(d, n.http_version, n.one_one) != 0 ||
      PyDict_SetItem(d, n.query_string, n.empty) != 0 ||
      PyDict_SetItem(d, n.root_path, root.get()) != 0)
    return false;
  begin_ = std::move(dict);
  return true;
}

Ref ScopeMaker::method(std::string_view sent) {
  constexpr std::array<std::string_view, 7> kUsual = {
      "GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"};
  for (std::size_t i = 0; i < kUsual.size(); ++i) {
    if (sent != kUsual[i]) continue;
    if (!methods_[i]) methods_[i] = latin1(sent);
    return Ref::borrow(methods_[i].get());
  }
  return latin1(sent);
}

Ref ScopeMaker::root_path(const worker::Request& request) {
  std::string decoded;
  http::percent_decode(request.script_name, decoded);
  return utf8(decoded);
}

Ref ScopeMaker::extensions(bool informational) {
  const AsgiNames& n = asgi_names();
  Ref dict = Ref::steal(PyDict_New());
  const Ref none = Ref::steal(PyDict_New());
  if (!dict || !none || PyDict_SetItem(dict.get(), n.pathsend, none.get()) != 0)
    return {};
  if (!informational) return dict;
  return put(dict.get(), n.early_hint, Ref::steal(PyDict_New())) ? std::move(dict)
                                                                 : Ref{};
}

Ref ScopeMaker::path(const worker::Request& request) {
  scratch_.clear();
  if (request.script_name.empty()) {
    if (request.path_info.find('%') == std::string_view::npos)
      return utf8(request.path_info);
    http::percent_decode(request.path_info, scratch_);
  } else {
    std::string whole{request.script_name};
    whole += request.path_info;
    http::percent_decode(whole, scratch_);
  }
  return utf8(scratch_);
}

Ref ScopeMaker::client(const worker::Request& request) {
  if (request.remote_addr.empty()) return Ref::borrow(Py_None);
  const Ref host = latin1(request.remote_addr);
  return Ref::steal(
      host ? Py_BuildValue("(Oi)", host.get(), static_cast<int>(request.remote_port))
           : nullptr);
}

Ref ScopeMaker::server(const worker::ListenerInfo& listener) {
  Ref& known = servers_[&listener];
  if (!known) {
    std::string_view host = listener.host;
    if (listener.unix_socket) {
      host = listener.address;
      if (host.starts_with("unix:")) host.remove_prefix(5);
    }
    const Ref text = utf8(host);
    if (!text) return {};
    known = Ref::steal(
        listener.unix_socket
            ? Py_BuildValue("(OO)", text.get(), Py_None)
            : Py_BuildValue("(Oi)", text.get(), static_cast<int>(listener.port)));
  }
  return Ref::borrow(known.get());
}

Ref ScopeMaker::headers(const http::RequestHead& head) {
  Ref list = Ref::steal(PyList_New(0));
  if (!list) return {};
  std::size_t index = 0;
  bool has_host = false;
  for (const http::Field& field : head.fields) {
    const bool host = http::equals_lower(field.name, "host");
    has_host = has_host || host;
    const Ref one = pair(field, host ? head.host : field.value, index++);
    if (!one || PyList_Append(list.get(), one.get()) != 0) return {};
  }
  if (has_host || head.host.empty()) return list;
  const Ref one = pair({"host", head.host}, head.host, index);
  return one && PyList_Append(list.get(), one.get()) == 0 ? std::move(list) : Ref{};
}

Ref ScopeMaker::pair(const http::Field& field, std::string_view value,
                     std::size_t index) {
  if (index >= slots_.size()) slots_.resize(index + 1);
  Slot& slot = slots_[index];
  if (slot.pair && slot.value == value && slot.name == field.name)
    return Ref::borrow(slot.pair.get());
  const Ref key = name(field.name);
  const Ref bytes = bytes_of(value);
  Ref made =
      Ref::steal(key && bytes ? PyTuple_Pack(2, key.get(), bytes.get()) : nullptr);
  if (made && is_kept(field.name, value)) {
    slot.name = field.name;
    slot.value = value;
    slot.pair = Ref::borrow(made.get());
  }
  return made;
}

Ref ScopeMaker::name(std::string_view sent) {
  scratch_ = sent;
  if (const auto known = names_.find(scratch_); known != names_.end())
    return Ref::borrow(known->second.get());
  std::string lower{sent};
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  Ref made = bytes_of(lower);
  if (made && names_.size() < kMostNames)
    names_.emplace(scratch_, Ref::borrow(made.get()));
  return made;
}

}  // namespace monodon::python
