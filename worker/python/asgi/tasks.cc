// SPDX-License-Identifier: Apache-2.0
// Tasks that begin at once.
#include "worker/python/asgi/tasks.h"

#include <memory>
#include <utility>

#include "worker/python/asgi/names.h"

namespace monodon::python {
namespace {

constexpr const char* kTasks = "monodon.tasks";

}  // namespace

// In place of loop.call_soon, while a task is made: keeps its first step.
PyObject* catch_step(PyObject* self, PyObject* const* args, Py_ssize_t count,
                     PyObject* names) {
  auto* tasks = static_cast<Tasks*>(PyCapsule_GetPointer(self, kTasks));
  if (tasks == nullptr) return nullptr;
  if (count < 1 || names == nullptr || PyTuple_Size(names) != 1) {
    PyErr_SetString(PyExc_TypeError, "a task has a first step and a context");
    return nullptr;
  }
  tasks->caught_ = Ref::borrow(args[0]);
  tasks->context_ = Ref::borrow(args[count]);
  Py_RETURN_NONE;
}

Tasks* Tasks::make(PyObject* loop) {
  static PyMethodDef catch_def{
      "call_soon", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(catch_step)),
      METH_FASTCALL | METH_KEYWORDS, nullptr};
  std::unique_ptr<Tasks> made{new Tasks};
  const Ref asyncio = Ref::steal(PyImport_ImportModule("asyncio"));
  if (!asyncio) return nullptr;
  made->loop_ = Ref::borrow(loop);
  made->task_type_ = Ref::steal(PyObject_GetAttrString(asyncio.get(), "Task"));
  const bool eager = Py_Version >= 0x030C0000;
  // With a name, since making one up costs as much as several fields.
  made->keywords_ =
      Ref::steal(eager ? Py_BuildValue("{sOsssO}", "loop", loop, "name", "request",
                                       "eager_start", Py_True)
                       : Py_BuildValue("{sOss}", "loop", loop, "name", "request"));
  const Ref self = Ref::steal(PyCapsule_New(made.get(), kTasks, nullptr));
  if (!self) return nullptr;
  made->catcher_ = Ref::steal(PyCFunction_NewEx(&catch_def, self.get(), nullptr));
  if (!made->task_type_ || !made->keywords_ || !made->catcher_) return nullptr;
  return made.release();
}

Ref Tasks::start(PyObject* coroutine) {
  const Ref factory = Ref::steal(
      PyObject_CallMethodObjArgs(loop_.get(), asgi_names().get_task_factory, nullptr));
  if (!factory) return {};
  if (factory.get() != Py_None)
    return Ref::steal(PyObject_CallMethod(loop_.get(), "create_task", "O", coroutine));
  return Py_Version >= 0x030C0000 ? start_eagerly(coroutine)
                                  : start_and_step(coroutine);
}

Ref Tasks::start_eagerly(PyObject* coroutine) {
  const Ref arguments = Ref::steal(PyTuple_Pack(1, coroutine));
  if (!arguments) return {};
  return Ref::steal(PyObject_Call(task_type_.get(), arguments.get(), keywords_.get()));
}

// CPython 3.11 has no eager tasks.
Ref Tasks::start_and_step(PyObject* coroutine) {
  const Ref arguments = Ref::steal(PyTuple_Pack(1, coroutine));
  if (!arguments ||
      PyObject_SetAttr(loop_.get(), asgi_names().call_soon, catcher_.get()) != 0)
    return {};
  Ref task =
      Ref::steal(PyObject_Call(task_type_.get(), arguments.get(), keywords_.get()));
  if (!task) {
    PyObject* type = nullptr;
    PyObject* value = nullptr;
    PyObject* traceback = nullptr;
    PyErr_Fetch(&type, &value, &traceback);
    (void)PyObject_SetAttr(loop_.get(), asgi_names().call_soon, nullptr);
    PyErr_Restore(type, value, traceback);
    return {};
  }
  if (PyObject_SetAttr(loop_.get(), asgi_names().call_soon, nullptr) != 0) return {};
  const Ref step = std::move(caught_);
  const Ref context = std::move(context_);
  if (!step) return task;
  const Ref stepped = Ref::steal(PyObject_CallMethodObjArgs(
      context.get(), asgi_names().run, step.get(), nullptr));
  return stepped ? std::move(task) : Ref{};
}

}  // namespace monodon::python
