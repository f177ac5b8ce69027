// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "worker/python/py.h"

namespace monodon::python {

// Keys and values of ASGI's dictionaries, made once. Under the GIL.
struct AsgiNames {
  PyObject *type, *status, *headers, *body, *more_body, *path, *links, *asgi,
      *http_version, *method, *scheme, *raw_path, *query_string, *root_path, *client,
      *server, *state, *extensions;
  // Methods of asyncio's objects.
  PyObject *done, *exception, *add_done_callback, *get_task_factory, *run,
      *create_future, *set_result, *scheduled;
  PyObject *pathsend, *early_hint, *call_soon;
  // Of WebSockets.
  PyObject *websocket, *connect, *receive, *socket_disconnect, *subprotocols,
      *subprotocol, *text, *bytes, *code, *reason, *ws, *wss;
  PyObject *http, *request, *disconnect, *one_one, *one_zero, *empty;
};
[[nodiscard]] const AsgiNames& asgi_names();  // throws std::runtime_error: no memory

// A bytes object. Null with an exception set.
[[nodiscard]] inline Ref bytes_of(std::string_view bytes) noexcept {
  return Ref::steal(
      PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size())));
}

}  // namespace monodon::python
