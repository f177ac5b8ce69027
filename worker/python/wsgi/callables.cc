// SPDX-License-Identifier: Apache-2.0
// start_response, write and early_hints as built-in methods.
#include "worker/python/wsgi/callables.h"

#include <array>
#include <utility>
#include <vector>

#include "worker/python/wsgi/call.h"

namespace monodon::python {
namespace {

struct ResponseObject {
  PyObject ob_base;
  Call* call;
};

PyTypeObject* response_type = nullptr;

// The call that `self` belongs to, once no other thread uses its response. Null with an
// exception set. To be asked after the last code of the application that may run before
// the answer is used (__hash__, __iter__ of an argument): the request may end
// meanwhile.
Call* call_of(PyObject* self) {
  Call*& call = reinterpret_cast<ResponseObject*>(self)->call;
  // In a process that the application forked nobody is left to wait for.
  while (call != nullptr && call->busy() && !is_stranger()) call->await_turn();
  if (call == nullptr)
    PyErr_SetString(PyExc_RuntimeError, "the request that this belongs to has ended");
  return call;
}

// As call_of(), for what is sent at once.
Call* sending_call_of(PyObject* self) {
  Call* call = call_of(self);
  if (call == nullptr || !is_stranger()) return call;
  PyErr_SetString(PyExc_RuntimeError,
                  "the client belongs to the process that forked this one");
  return nullptr;
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

// As PyArg_ParseTupleAndKeywords, for what is not called the usual way.
template <typename... To>
bool parse(PyObject* const* args, Py_ssize_t count, PyObject* kwnames,
           const char* format, char** names, To*... to) {
  const Ref tuple = Ref::steal(PyTuple_New(count));
  const Ref keywords = Ref::steal(PyDict_New());
  if (!tuple || !keywords) return false;
  for (Py_ssize_t i = 0; i < count; ++i) {
    Py_INCREF(args[i]);
    if (PyTuple_SetItem(tuple.get(), i, args[i]) != 0) return false;
  }
  const Py_ssize_t named = kwnames == nullptr ? 0 : PyTuple_Size(kwnames);
  for (Py_ssize_t i = 0; i < named; ++i)
    if (PyDict_SetItem(keywords.get(), PyTuple_GetItem(kwnames, i), args[count + i]) !=
        0)
      return false;
  return PyArg_ParseTupleAndKeywords(tuple.get(), keywords.get(), format, names,
                                     to...) != 0;
}

PyObject* start_response(PyObject* self, PyObject* const* args, Py_ssize_t count,
                         PyObject* kwnames) {
  static std::array<char*, 4> names{{const_cast<char*>("status"),
                                     const_cast<char*>("headers"),
                                     const_cast<char*>("exc_info"), nullptr}};
  PyObject* status = nullptr;
  PyObject* headers = nullptr;
  PyObject* exc_info = Py_None;
  if (kwnames == nullptr && count == 2) {  // as nearly all call it
    status = args[0];
    headers = args[1];
  } else if (!parse(args, count, kwnames, "OO|O:start_response", names.data(), &status,
                    &headers, &exc_info)) {
    return nullptr;
  }
  Call* call = call_of(self);
  if (call == nullptr) return nullptr;
  if (exc_info != Py_None) {
    if (!PyTuple_Check(exc_info) || PyTuple_Size(exc_info) != 3) {
      PyErr_SetString(PyExc_TypeError, "exc_info must be a tuple of three");
      return nullptr;
    }
    if (call->sent()) return raise_again(exc_info);
  } else if (call->started()) {
    PyErr_SetString(PyExc_AssertionError,
                    "start_response was called again without exc_info");
    return nullptr;
  }
  Ref write = Ref::borrow(call->callables.write.get());
  if (!call->keep_head(status, headers)) return nullptr;
  return write.release();
}

// Ends an application that goes on writing for nobody. The first block that is not
// wanted is let pass: most that write to a HEAD write once.
bool send(Call& call, PyObject* data) {
  switch (call.write(data)) {
    case worker::Taken::sent:
      return true;
    case worker::Taken::unwanted:
      if (!std::exchange(call.told_enough, true)) return true;
      PyErr_SetString(PyExc_BrokenPipeError, "the response is complete");
      return false;
    case worker::Taken::gone:
      break;
  }
  PyErr_SetString(PyExc_BrokenPipeError, "the client is gone");
  return false;
}

PyObject* write(PyObject* self, PyObject* const* args, Py_ssize_t count,
                PyObject* kwnames) {
  static std::array<char*, 2> names{{const_cast<char*>("data"), nullptr}};
  PyObject* data = nullptr;
  if (!parse(args, count, kwnames, "S:write", names.data(), &data)) return nullptr;
  Call* call = sending_call_of(self);
  if (call == nullptr) return nullptr;
  if (!call->started()) {
    PyErr_SetString(PyExc_AssertionError, "write before start_response");
    return nullptr;
  }
  if (PyBytes_Size(data) > 0) {
    if (!call->begin(std::nullopt)) {
      PyErr_SetString(PyExc_ValueError, call->refusal().c_str());
      return nullptr;
    }
    if (!send(*call, data)) return nullptr;
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

PyObject* early_hints(PyObject* self, PyObject* headers) {
  // A copy that nobody else can change.
  const Ref list = Ref::steal(PySequence_List(headers));
  std::vector<http::Field> fields;
  if (!list || !read_hints(list.get(), fields)) return nullptr;
  Call* call = sending_call_of(self);
  if (call == nullptr) return nullptr;
  call->early_hints(fields);
  Py_RETURN_NONE;
}

void destroy_response(PyObject* self) {
  PyTypeObject* own = Py_TYPE(self);
  PyObject_Free(self);
  Py_DECREF(reinterpret_cast<PyObject*>(own));
}

template <typename Function>
PyMethodDef method(const char* name, Function* function, int flags, const char* doc) {
  return {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(function)), flags,
          doc};
}

Ref bound(PyMethodDef& definition, PyObject* self) {
  return Ref::steal(PyCFunction_NewEx(&definition, self, nullptr));
}

}  // namespace

bool make_callable_type() {
  std::array<PyType_Slot, 2> slots{
      {{Py_tp_dealloc, reinterpret_cast<void*>(destroy_response)}, {0, nullptr}}};
  PyType_Spec spec{"monodon.response", sizeof(ResponseObject), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                   slots.data()};
  response_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return response_type != nullptr;
}

bool Callables::make() {
  static PyMethodDef start_def =
      method("start_response", &python::start_response, METH_FASTCALL | METH_KEYWORDS,
             "start_response(status, headers, exc_info=None) -> write (PEP 3333)");
  static PyMethodDef write_def = method(
      "write", &python::write, METH_FASTCALL | METH_KEYWORDS, "write(data) (PEP 3333)");
  static PyMethodDef hints_def = method("early_hints", &python::early_hints, METH_O,
                                        "early_hints(headers) (RFC 8297)");
  self_ = Ref::steal(PyType_GenericAlloc(response_type, 0));
  if (!self_) return false;
  start_response = bound(start_def, self_.get());
  write = bound(write_def, self_.get());
  early_hints = bound(hints_def, self_.get());
  if (start_response && write && early_hints) return true;
  self_ = Ref{};
  return false;
}

void Callables::bind(Call* call) noexcept {
  reinterpret_cast<ResponseObject*>(self_.get())->call = call;
}

bool Callables::kept() const noexcept {
  // Ours, and that of each method (its __self__).
  return Py_REFCNT(self_.get()) != 4 || Py_REFCNT(start_response.get()) != 1 ||
         Py_REFCNT(write.get()) != 1 || Py_REFCNT(early_hints.get()) != 1;
}

}  // namespace monodon::python
