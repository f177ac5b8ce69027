// SPDX-License-Identifier: Apache-2.0
// What an ASGI application says and hears on a WebSocket.
#include "worker/python/asgi/socket_conversation.h"

#include <algorithm>
#include <string>
#include <utility>

#include "worker/http/chars.h"
#include "worker/python/asgi/messages.h"
#include "worker/python/asgi/names.h"

namespace monodon::python {
namespace {

constexpr std::uint16_t kNormal = 1000;
constexpr long kFirstCode = 1000;
constexpr long kLastCode = 4999;
constexpr std::uint16_t kLost = 1006;
constexpr std::uint16_t kFailed = 1011;
constexpr std::string_view kDenial = "websocket.";
constexpr std::string_view kOwnPrefix = "sec-websocket-";

// The text of a str. False with an exception set.
bool read_text(PyObject* value, const char* what, std::string_view& text) {
  if (!PyUnicode_Check(value)) {
    PyErr_Format(PyExc_TypeError, "%s must be str, not %R", what, Py_TYPE(value));
    return false;
  }
  Py_ssize_t size = 0;
  const char* bytes = PyUnicode_AsUTF8AndSize(value, &size);
  if (bytes == nullptr) return false;
  text = {bytes, static_cast<std::size_t>(size)};
  return true;
}

// A value that is there and not None. Null, also with an exception set.
PyObject* given(PyObject* message, PyObject* key) {
  PyObject* value = item(message, key);
  return value == Py_None ? nullptr : value;
}

// What an application raises that was told, by receive() or send(), that its WebSocket
// is closed: by then it is no error.
bool is_farewell(PyObject* error) {
  if (PyErr_GivenExceptionMatches(error, PyExc_OSError) != 0) return true;
  const Ref name = Ref::steal(
      PyObject_GetAttrString(reinterpret_cast<PyObject*>(Py_TYPE(error)), "__name__"));
  const std::string text = name ? text_of(name.get()) : std::string{};
  PyErr_Clear();
  return text == "WebSocketDisconnect" || text == "CancelledError";
}

bool refuse(const std::string& why) {
  PyErr_SetString(PyExc_ValueError, why.c_str());
  return false;
}

}  // namespace

Ref SocketConversation::disconnected(std::uint16_t code, std::string_view reason) {
  const AsgiNames& n = asgi_names();
  Ref message = message_of(n.socket_disconnect);
  const Ref number = Ref::steal(PyLong_FromLong(code));
  const Ref text = Ref::steal(PyUnicode_DecodeUTF8(
      reason.data(), static_cast<Py_ssize_t>(reason.size()), "replace"));
  if (!message || !number || !text ||
      PyDict_SetItem(message.get(), n.code, number.get()) != 0 ||
      PyDict_SetItem(message.get(), n.reason, text.get()) != 0)
    return {};
  return message;
}

Ref SocketConversation::next_message() {
  const AsgiNames& n = asgi_names();
  if (!std::exchange(connect_given_, true)) return message_of(n.connect);
  if (!accepted_)
    return nobody() || finished() || closed_ ? disconnected(kLost, {}) : Ref{};
  worker::WebSocket::Message got;
  if (!socket_->receive(got))
    return socket_->over() ? disconnected(socket_->code(), socket_->reason()) : Ref{};
  const auto size = static_cast<Py_ssize_t>(got.payload.size());
  const Ref data =
      Ref::steal(got.text ? PyUnicode_DecodeUTF8(got.payload.data(), size, nullptr)
                          : PyBytes_FromStringAndSize(got.payload.data(), size));
  Ref message = message_of(n.receive);
  if (!data || !message ||
      PyDict_SetItem(message.get(), got.text ? n.text : n.bytes, data.get()) != 0)
    return {};
  return message;
}

bool SocketConversation::heard() {
  if (!socket_->over()) {
    wake_receivers();
    return false;
  }
  wake_all();
  return !std::exchange(told_over_, true);
}

bool SocketConversation::handle(std::string_view type, PyObject* message) {
  if (type.starts_with("websocket.http.response.") && !accepted_ && !closed_)
    return Conversation::handle(type.substr(kDenial.size()), message);
  if (begun()) return fail_state("the WebSocket is being denied by a response", type);
  if (closed_) return fail_state("the WebSocket was closed before", type);
  if (type == "websocket.accept")
    return !accepted_ ? accept(message)
                      : fail_state("the WebSocket was accepted before", type);
  if (type == "websocket.close") return close(message);
  if (type != "websocket.send")
    return fail_state("a message that WebSockets have not", type);
  return accepted_ ? send(message) : fail_state("the WebSocket was not accepted", type);
}

bool SocketConversation::accept(PyObject* message) {
  const AsgiNames& n = asgi_names();
  std::vector<http::Field> fields;
  std::vector<Ref> kept;
  PyObject* headers = item(message, n.headers);
  if (headers != nullptr ? !read_fields(headers, fields, kept)
                         : PyErr_Occurred() != nullptr)
    return false;
  for (const http::Field& field : fields)
    if (http::equals_lower(field.name.substr(0, kOwnPrefix.size()), kOwnPrefix))
      return refuse("the server sends " + std::string{field.name} + " itself");
  std::string_view subprotocol;
  PyObject* chosen = given(message, n.subprotocol);
  if (chosen != nullptr ? !read_text(chosen, "subprotocol", subprotocol)
                        : PyErr_Occurred() != nullptr)
    return false;
  if (nobody()) return raise_gone();
  const std::string refusal = socket_->accept(subprotocol, fields);
  if (!refusal.empty()) return refuse(refusal);
  accepted_ = true;
  return true;
}

bool SocketConversation::send(PyObject* message) {
  const AsgiNames& n = asgi_names();
  PyObject* bytes = given(message, n.bytes);
  if (bytes == nullptr && PyErr_Occurred() != nullptr) return false;
  PyObject* text = bytes == nullptr ? given(message, n.text) : nullptr;
  if (PyErr_Occurred() != nullptr) return false;
  if (bytes == nullptr && text == nullptr) {
    PyErr_SetString(PyExc_KeyError, "websocket.send needs text or bytes");
    return false;
  }
  if (text != nullptr) {
    std::string_view payload;
    if (!read_text(text, "text", payload)) return false;
    return socket_->send(true, payload) || raise_gone();
  }
  const Ref payload = as_bytes(bytes, "bytes");
  if (!payload) return false;
  return socket_->send(false, bytes_view(payload.get())) || raise_gone();
}

bool SocketConversation::close(PyObject* message) {
  const AsgiNames& n = asgi_names();
  PyObject* number = given(message, n.code);
  if (number == nullptr && PyErr_Occurred() != nullptr) return false;
  const long code = number != nullptr ? PyLong_AsLong(number) : kNormal;
  if (code == -1 && PyErr_Occurred() != nullptr) return false;
  std::string_view reason;
  PyObject* text = given(message, n.reason);
  if (text != nullptr ? !read_text(text, "reason", reason)
                      : PyErr_Occurred() != nullptr)
    return false;
  if (code < kFirstCode || code > kLastCode)
    return refuse("a close frame cannot have the code " + std::to_string(code));
  closed_ = true;
  if (!accepted_) return deny();
  socket_->close(static_cast<std::uint16_t>(code), reason);
  return true;
}

bool SocketConversation::deny() {
  if (nobody()) return true;
  std::string refusal = response().take_head({"403 Forbidden", {}});
  if (refusal.empty()) refusal = response().begin(0);
  if (!refusal.empty()) return refuse(refusal);
  finish();
  response().finish({});
  return true;
}

void SocketConversation::end(PyObject* error) {
  if (!accepted_) return Conversation::end(error);
  const bool over = socket_->over();
  if (error != nullptr && !(over && is_farewell(error)))
    response().fail("application raised\n" + traceback_of(error));
  if (!over) socket_->close(error != nullptr ? kFailed : kNormal, {});
}

}  // namespace monodon::python
