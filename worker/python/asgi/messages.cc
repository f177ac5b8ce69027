// SPDX-License-Identifier: Apache-2.0
// What is in the dictionaries that an application sends.
#include "worker/python/asgi/messages.h"

#include <string>
#include <utility>

#include "worker/python/asgi/names.h"

namespace monodon::python {

PyObject* item(PyObject* message, PyObject* key, bool needed) {
  PyObject* value = PyDict_GetItemWithError(message, key);
  if (value == nullptr && needed && PyErr_Occurred() == nullptr)
    PyErr_Format(PyExc_KeyError, "a message of this type needs %R", key);
  return value;
}

bool fail_state(const char* text, std::string_view type) {
  PyErr_Format(PyExc_RuntimeError, "%s: %.100s", text, std::string{type}.c_str());
  return false;
}

Ref as_bytes(PyObject* value, const char* what) {
  if (PyBytes_Check(value)) return Ref::borrow(value);
  if (!PyByteArray_Check(value) && !PyMemoryView_Check(value)) {
    PyErr_Format(PyExc_TypeError, "%s must be bytes, not %R", what, Py_TYPE(value));
    return {};
  }
  return Ref::steal(PyBytes_FromObject(value));
}

bool read_fields(PyObject* headers, std::vector<http::Field>& fields,
                 std::vector<Ref>& kept) {
  // The pairs are those of a list that nobody else has.
  Ref list = Ref::steal(PySequence_List(headers));
  if (!list) return false;
  const Py_ssize_t count = PyList_Size(list.get());
  for (Py_ssize_t i = 0; i < count; ++i) {
    const Ref pair = Ref::steal(PySequence_Tuple(PyList_GetItem(list.get(), i)));
    if (!pair) return false;
    if (PyTuple_Size(pair.get()) != 2) {
      PyErr_SetString(PyExc_ValueError, "a header must be a name and a value");
      return false;
    }
    Ref name = as_bytes(PyTuple_GetItem(pair.get(), 0), "a header name");
    if (!name) return false;
    Ref value = as_bytes(PyTuple_GetItem(pair.get(), 1), "a header value");
    if (!value) return false;
    fields.push_back({bytes_view(name.get()), bytes_view(value.get())});
    kept.push_back(std::move(name));
    kept.push_back(std::move(value));
  }
  return true;
}

Ref message_of(PyObject* type) {
  Ref message = Ref::steal(PyDict_New());
  if (!message || PyDict_SetItem(message.get(), asgi_names().type, type) != 0)
    return {};
  return message;
}

}  // namespace monodon::python
