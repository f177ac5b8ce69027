// SPDX-License-Identifier: Apache-2.0
// The extension module _monodon, loaded by zygote.py.
#include <array>
#include <optional>

#include "base/log/log.h"
#include "base/net/statsd.h"
#include "base/version.h"
#include "worker/process/zygote.h"
#include "worker/python/application.h"
#include "worker/python/asgi/asgi_application.h"
#include "worker/python/extension/testing.h"
#include "worker/python/py.h"
#include "worker/python/wsgi/callables.h"
#include "worker/python/wsgi/input.h"

// The extension module _monodon: the worker library, and an Application in Python.
// zygote.py loads it and calls run_zygote() or check().
namespace monodon::python {
namespace {

PyObject* module_set_runtime(PyObject* /*module*/, PyObject* runtime) {
  set_runtime(runtime);
  Py_RETURN_NONE;
}

PyObject* module_run_zygote(PyObject* /*module*/, PyObject* /*unused*/) {
  return PyLong_FromLong(
      worker::run_zygote(UniqueFd{worker::kZygoteChannel}, application()));
}

PyObject* module_check(PyObject* /*module*/, PyObject* args) {
  int hooks = 0;
  if (PyArg_ParseTuple(args, "p:check", &hooks) == 0) return nullptr;
  return PyLong_FromLong(worker::check_application(application(), hooks != 0));
}

PyObject* module_log_raw(PyObject* /*module*/, PyObject* text) {
  if (!PyUnicode_Check(text)) {
    PyErr_Format(PyExc_TypeError, "wsgi.errors takes str, not %R", Py_TYPE(text));
    return nullptr;
  }
  log::raw(text_of(text));
  Py_RETURN_NONE;
}

// Levels are those of Python's logging.
PyObject* module_log(PyObject* /*module*/, PyObject* args) {
  int level = 0;
  PyObject* text = nullptr;
  int counted = 1;
  if (PyArg_ParseTuple(args, "iU|p:log", &level, &text, &counted) == 0) return nullptr;
  std::optional<statsd::Uncounted> quiet;
  if (counted == 0) quiet.emplace();
  log::write(level >= 50   ? log::Level::critical
             : level >= 40 ? log::Level::error
             : level >= 30 ? log::Level::warning
             : level >= 20 ? log::Level::info
                           : log::Level::debug,
             text_of(text));
  Py_RETURN_NONE;
}

PyObject* module_statsd(PyObject* /*module*/, PyObject* text) {
  statsd::metric(text_of(text));
  Py_RETURN_NONE;
}

std::array<PyMethodDef, 15> methods{
    {{"set_runtime", module_set_runtime, METH_O, nullptr},
     {"run_zygote", module_run_zygote, METH_NOARGS,
      "run_zygote() -> exit status; workers do not come back from it"},
     {"check", module_check, METH_VARARGS,
      "check(call_hooks) -> exit status; Boot on stdin"},
     {"run_thread", run_thread, METH_O, nullptr},
     {"take_turn", take_turn, METH_O,
      "take_turn(timeout) -> whether the caller's own descriptors may be readable"},
     {"log", module_log, METH_VARARGS,
      "log(level, text, counted=True): a line of the error log"},
     {"statsd", module_statsd, METH_O,
      "statsd(text): a metric, NAME:VALUE|TYPE, where there is a statsd_host"},
     {"access_line", access_line, METH_O,
      "access_line(choice): of the request that this thread runs"},
     {"log_raw", module_log_raw, METH_O, "log_raw(text): to the error log, as it is"},
     {"default_boot", testing_default_boot, METH_NOARGS, nullptr},
     {"load", testing_load, METH_VARARGS, nullptr},
     {"run_request", testing_run_request, METH_VARARGS, nullptr},
     {"run_worker", testing_run_worker, METH_VARARGS, nullptr},
     {"stacks_until", testing_stacks_until, METH_VARARGS, nullptr},
     {nullptr, nullptr, 0, nullptr}}};

PyModuleDef definition{PyModuleDef_HEAD_INIT,
                       "_monodon",
                       "Monodon's worker inside the interpreter.",
                       -1,
                       methods.data(),
                       nullptr,
                       nullptr,
                       nullptr,
                       nullptr};

}  // namespace
}  // namespace monodon::python

PyMODINIT_FUNC PyInit__monodon() {
  using namespace monodon::python;
  if (!make_callable_type() || !make_input_type() || !make_asgi_types()) return nullptr;
  PyObject* module = PyModule_Create(&definition);
  if (module == nullptr) return nullptr;
  if (PyModule_AddStringConstant(module, "SERVER_SOFTWARE",
                                 "monodon/" MONODON_VERSION) == 0)
    return module;
  Py_DECREF(module);
  return nullptr;
}
