// SPDX-License-Identifier: Apache-2.0
#include "worker/python/callables.h"

#include <array>
#include <vector>

#include "worker/python/call.h"

namespace monodon::python {
namespace {

struct Object {
  PyObject ob_base;
  Call* call;
};

std::array<PyTypeObject*, 3> types{};

Call* call_of(PyObject* self) {
  Call* call = reinterpret_cast<Object*>(self)->call;
  if (call == nullptr)
    PyErr_SetString(PyExc_RuntimeError, "the request that this belongs to has ended");
  return call;
}

// exc_info after the head has gone: the application must stop (PEP 3333).
PyObject* raise_again(PyObject* exc_info) {
  PyObject* type = PyTuple_GetItem(exc_info, 0);
  PyObject* value = PyTuple_GetItem(exc_info, 1);
  PyObject* traceback = PyTuple_GetItem(exc_info, 2);
  if (traceback == Py_None) traceback = nullptr;
  Py_XINCREF(type);
  Py_XINCREF(value);
  Py_XINCREF(traceback);
  PyErr_Restore(type, value, traceback);
  return nullptr;
}

PyObject* start_response(PyObject* self, PyObject* args, PyObject* kwargs) {
  Call* call = call_of(self);
  if (call == nullptr) return nullptr;
  static std::array<char*, 4> names{{const_cast<char*>("status"),
                                     const_cast<char*>("headers"),
                                     const_cast<char*>("exc_info"), nullptr}};
  PyObject* status = nullptr;
  PyObject* headers = nullptr;
  PyObject* exc_info = Py_None;
  if (kwargs == nullptr && PyTuple_Size(args) == 2) {  // as nearly all call it
    status = PyTuple_GetItem(args, 0);
    headers = PyTuple_GetItem(args, 1);
  } else if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|O:start_response",
                                          names.data(), &status, &headers, &exc_info)) {
    return nullptr;
  }
  if (exc_info != Py_None) {
    if (!PyTuple_Check(exc_info) || PyTuple_Size(exc_info) != 3) {
      PyErr_SetString(PyExc_TypeError, "exc_info must be a tuple of three");
      return nullptr;
    }
    if (call->response->sent()) return raise_again(exc_info);
  } else if (call->started()) {
    PyErr_SetString(PyExc_AssertionError,
                    "start_response was called again without exc_info");
    return nullptr;
  }
  if (!call->keep_head(status, headers)) return nullptr;
  PyObject* write = call->write_callable.get();
  Py_INCREF(write);
  return write;
}

PyObject* write(PyObject* self, PyObject* args, PyObject* kwargs) {
  Call* call = call_of(self);
  if (call == nullptr) return nullptr;
  static std::array<char*, 2> names{{const_cast<char*>("data"), nullptr}};
  PyObject* data = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "S:write", names.data(), &data))
    return nullptr;
  if (!call->started()) {
    PyErr_SetString(PyExc_AssertionError, "write before start_response");
    return nullptr;
  }
  if (PyBytes_Size(data) > 0) {
    if (!call->begin(std::nullopt)) {
      PyErr_SetString(PyExc_ValueError, call->refusal().c_str());
      return nullptr;
    }
    if (!call->write(data)) {
      PyErr_SetString(PyExc_BrokenPipeError, "the client is gone");
      return nullptr;
    }
  }
  Py_RETURN_NONE;
}

// Views into the str objects of `list`, which must outlive them. False with an
// exception set.
bool read_hints(PyObject* list, std::vector<http::Field>& fields) {
  const Py_ssize_t count = PyList_Size(list);
  for (Py_ssize_t i = 0; i < count; ++i) {
    const char* name = nullptr;
    const char* value = nullptr;
    Py_ssize_t name_size = 0;
    Py_ssize_t value_size = 0;
    PyObject* pair = PyList_GetItem(list, i);
    if (!PyTuple_Check(pair)) {
      PyErr_SetString(PyExc_TypeError, "early hints must be tuples of name and value");
      return false;
    }
    if (!PyArg_ParseTuple(pair, "s#s#", &name, &name_size, &value, &value_size))
      return false;
    fields.push_back({{name, static_cast<std::size_t>(name_size)},
                      {value, static_cast<std::size_t>(value_size)}});
  }
  return true;
}

PyObject* early_hints(PyObject* self, PyObject* args, PyObject* /*kwargs*/) {
  Call* call = call_of(self);
  if (call == nullptr) return nullptr;
  PyObject* headers = nullptr;
  if (!PyArg_ParseTuple(args, "O:early_hints", &headers)) return nullptr;
  // A copy that nobody else can change.
  const Ref list = Ref::steal(PySequence_List(headers));
  std::vector<http::Field> fields;
  if (!list || !read_hints(list.get(), fields)) return nullptr;
  call->response->early_hints(fields);
  Py_RETURN_NONE;
}

void destroy(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_Free(self);
  Py_DECREF(reinterpret_cast<PyObject*>(type));
}

PyTypeObject* make_type(const char* name, ternaryfunc function) {
  std::array<PyType_Slot, 3> slots{{{Py_tp_call, reinterpret_cast<void*>(function)},
                                    {Py_tp_dealloc, reinterpret_cast<void*>(destroy)},
                                    {0, nullptr}}};
  PyType_Spec spec{name, sizeof(Object), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                   slots.data()};
  return reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
}

}  // namespace

bool make_callable_types() {
  types = {make_type("monodon.start_response", start_response),
           make_type("monodon.write", write),
           make_type("monodon.early_hints", early_hints)};
  return types[0] != nullptr && types[1] != nullptr && types[2] != nullptr;
}

Ref new_callable(Callable what) {
  PyTypeObject* type = types[static_cast<std::size_t>(what)];
  PyObject* object = PyType_GenericAlloc(type, 0);
  return Ref::steal(object);
}

void bind_callable(PyObject* object, Call* call) noexcept {
  reinterpret_cast<Object*>(object)->call = call;
}

}  // namespace monodon::python
