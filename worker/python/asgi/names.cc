// SPDX-License-Identifier: Apache-2.0
// Strings that every request needs.
#include "worker/python/asgi/names.h"

#include <stdexcept>

namespace monodon::python {
namespace {

PyObject* interned(const char* text) {
  PyObject* made = PyUnicode_InternFromString(text);
  if (made == nullptr) throw std::runtime_error{take_traceback()};
  return made;
}

AsgiNames make() {
  AsgiNames n{};
  n.type = interned("type");
  n.status = interned("status");
  n.headers = interned("headers");
  n.body = interned("body");
  n.more_body = interned("more_body");
  n.path = interned("path");
  n.links = interned("links");
  n.asgi = interned("asgi");
  n.http_version = interned("http_version");
  n.method = interned("method");
  n.scheme = interned("scheme");
  n.raw_path = interned("raw_path");
  n.query_string = interned("query_string");
  n.root_path = interned("root_path");
  n.client = interned("client");
  n.server = interned("server");
  n.state = interned("state");
  n.extensions = interned("extensions");
  n.done = interned("done");
  n.exception = interned("exception");
  n.add_done_callback = interned("add_done_callback");
  n.get_task_factory = interned("get_task_factory");
  n.run = interned("run");
  n.create_future = interned("create_future");
  n.set_result = interned("set_result");
  n.scheduled = interned("_scheduled");
  n.pathsend = interned("http.response.pathsend");
  n.early_hint = interned("http.response.early_hint");
  n.call_soon = interned("call_soon");
  n.websocket = interned("websocket");
  n.connect = interned("websocket.connect");
  n.receive = interned("websocket.receive");
  n.socket_disconnect = interned("websocket.disconnect");
  n.subprotocols = interned("subprotocols");
  n.subprotocol = interned("subprotocol");
  n.text = interned("text");
  n.bytes = interned("bytes");
  n.code = interned("code");
  n.reason = interned("reason");
  n.ws = interned("ws");
  n.wss = interned("wss");
  n.http = interned("http");
  n.request = interned("http.request");
  n.disconnect = interned("http.disconnect");
  n.one_one = interned("1.1");
  n.one_zero = interned("1.0");
  n.empty = PyBytes_FromStringAndSize("", 0);
  return n;
}

}  // namespace

const AsgiNames& asgi_names() {
  static const AsgiNames names = make();
  return names;
}

}  // namespace monodon::python
