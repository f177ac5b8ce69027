// SPDX-License-Identifier: Apache-2.0
// Awaitables of the extension.
#include "worker/python/asgi/step.h"

#include <array>

namespace monodon::python {
namespace {

struct Step {
  PyObject ob_base;
  const StepKind* kind;  // null: its result is None
  PyObject* owner;
  PyObject* inner;  // the iterator of the future that it waits for
};

PyTypeObject* step_type = nullptr;
PyObject* the_done_step = nullptr;

// Has `inner` wait for the source's future, unless the result is there.
PySendResult begin(Step& step, PyObject** result) {
  StepSource* source = step.kind->find(step.owner);
  if (source == nullptr) {
    *result = step.kind->at_end(step.owner);
    return *result != nullptr ? PYGEN_RETURN : PYGEN_ERROR;
  }
  Ref got = source->result();
  if (got) {
    *result = got.release();
    return PYGEN_RETURN;
  }
  if (PyErr_Occurred() != nullptr) return PYGEN_ERROR;
  const Ref future = source->wait();
  if (!future) return PYGEN_ERROR;
  step.inner = PyObject_GetIter(future.get());
  return step.inner != nullptr ? PYGEN_NEXT : PYGEN_ERROR;
}

PySendResult step_send(PyObject* self, PyObject* value, PyObject** result) {
  auto& step = *reinterpret_cast<Step*>(self);
  *result = nullptr;
  if (step.kind == nullptr) {
    *result = Py_None;
    Py_INCREF(Py_None);
    return PYGEN_RETURN;
  }
  for (;;) {
    if (step.inner == nullptr)
      if (const PySendResult at = begin(step, result); at != PYGEN_NEXT) return at;
    const PySendResult at = PyIter_Send(step.inner, value, result);
    if (at != PYGEN_RETURN) return at;
    // It is worth asking again.
    Py_CLEAR(*result);
    Py_CLEAR(step.inner);
    value = Py_None;
  }
}

// What a generator's __next__ gives for it: null without an exception means None.
PyObject* as_next(PySendResult at, PyObject* result) {
  if (at != PYGEN_RETURN) return result;
  const Ref value = Ref::steal(result);
  if (value.get() != Py_None) PyErr_SetObject(PyExc_StopIteration, value.get());
  return nullptr;
}

PyObject* step_next(PyObject* self) {
  PyObject* result = nullptr;
  const PySendResult at = step_send(self, Py_None, &result);
  return as_next(at, result);
}

PyObject* method_send(PyObject* self, PyObject* value) {
  PyObject* result = nullptr;
  const PySendResult at = step_send(self, value, &result);
  PyObject* next = as_next(at, result);
  if (next == nullptr && PyErr_Occurred() == nullptr)
    PyErr_SetNone(PyExc_StopIteration);
  return next;
}

// throw(type), throw(type, value, traceback) or throw(exception).
PyObject* method_throw(PyObject* self, PyObject* args) {
  auto& step = *reinterpret_cast<Step*>(self);
  if (step.inner != nullptr) {
    const Ref inner = Ref::steal(std::exchange(step.inner, nullptr));
    const Ref method = Ref::steal(PyObject_GetAttrString(inner.get(), "throw"));
    return method ? PyObject_CallObject(method.get(), args) : nullptr;
  }
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* traceback = nullptr;
  if (PyArg_ParseTuple(args, "O|OO:throw", &type, &value, &traceback) == 0)
    return nullptr;
  if (PyExceptionInstance_Check(type)) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(type)), type);
  } else {
    PyErr_SetObject(type, value == Py_None ? nullptr : value);
  }
  return nullptr;
}

PyObject* method_close(PyObject* self, PyObject* /*unused*/) {
  auto& step = *reinterpret_cast<Step*>(self);
  Py_CLEAR(step.inner);
  Py_RETURN_NONE;
}

PyObject* step_self(PyObject* self) {
  Py_INCREF(self);
  return self;
}

void destroy_step(PyObject* self) {
  auto& step = *reinterpret_cast<Step*>(self);
  Py_CLEAR(step.inner);
  Py_CLEAR(step.owner);
  PyTypeObject* own = Py_TYPE(self);
  PyObject_Free(self);
  Py_DECREF(reinterpret_cast<PyObject*>(own));
}

PyObject* make_step(const StepKind* kind, PyObject* owner) {
  PyObject* self = PyType_GenericAlloc(step_type, 0);
  if (self == nullptr) return nullptr;
  auto& step = *reinterpret_cast<Step*>(self);
  step.kind = kind;
  Py_XINCREF(owner);
  step.owner = owner;
  step.inner = nullptr;
  return self;
}

}  // namespace

bool make_step_type() {
  static std::array<PyMethodDef, 4> methods{
      {{"send", method_send, METH_O, nullptr},
       {"throw", method_throw, METH_VARARGS, nullptr},
       {"close", method_close, METH_NOARGS, nullptr},
       {nullptr, nullptr, 0, nullptr}}};
  // CPython 3.11 calls am_send alone, 3.12 and later tp_iternext alone.
  std::array<PyType_Slot, 7> slots{
      {{Py_tp_dealloc, reinterpret_cast<void*>(destroy_step)},
       {Py_tp_iter, reinterpret_cast<void*>(step_self)},
       {Py_tp_iternext, reinterpret_cast<void*>(step_next)},
       {Py_am_await, reinterpret_cast<void*>(step_self)},
       {Py_am_send, reinterpret_cast<void*>(step_send)},
       {Py_tp_methods, methods.data()},
       {0, nullptr}}};
  PyType_Spec spec{"monodon.step", sizeof(Step), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                   slots.data()};
  step_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (step_type == nullptr) return false;
  the_done_step = make_step(nullptr, nullptr);
  return the_done_step != nullptr;
}

PyObject* done_step() noexcept {
  Py_INCREF(the_done_step);
  return the_done_step;
}

PyObject* new_step(const StepKind& kind, PyObject* owner) {
  return make_step(&kind, owner);
}

}  // namespace monodon::python
