// SPDX-License-Identifier: Apache-2.0
// Calls for the hooks of a gunicorn.conf.py, passed on to the interpreter.
#include <fmt/core.h>

#include <chrono>
#include <csignal>
#include <future>
#include <memory>
#include <thread>

#include "base/log/log.h"
#include "worker/own_line.h"
#include "worker/python/application.h"
#include "worker/wire/wire.h"

namespace monodon::python {
namespace {

constexpr std::chrono::milliseconds kLastWords{700};  // the master waits for a second

}  // namespace

PyObject* access_line(PyObject* /*module*/, PyObject* choice) {
  using Way = worker::OwnLine::Way;
  if (PyUnicode_Check(choice))
    worker::OwnLine::choose(Way::text, text_of(choice));
  else
    worker::OwnLine::choose(choice == Py_None ? Way::servers : Way::none);
  Py_RETURN_NONE;
}

// A hook that fails costs nobody anything but itself.
void PythonApplication::call_hook(const char* call, const char* hook,
                                  PyObject* numbers) {
  if (!call_runtime(call, numbers))
    log::warning(fmt::format("{} raised\n{}", hook, take_traceback()),
                 {log::Id::application_error});
}

worker::Application::HooksCalled PythonApplication::call_once(std::uint32_t hooks) {
  const Ref bits = Ref::steal(PyLong_FromUnsignedLong(hooks));
  const Ref both = bits ? call_runtime("call_once", bits.get()) : Ref{};
  HooksCalled called;
  if (!both || PyArg_ParseTuple(both.get(), "II", &called.left, &called.running) == 0)
    called.error = {static_cast<std::int64_t>(wire::LoadFailure::not_ready),
                    take_explanation()};
  return called;
}

// What the import has left does not run here, but where it shares the GIL with them.
void PythonApplication::wait_begins() noexcept {
  if (!has_hooks_) return;
  const Ref runs = call_runtime("has_running_hooks");
  if (!runs) PyErr_Clear();
  if (runs.get() == Py_True) let_go_of_gil();
}

void PythonApplication::before_fork(const worker::WorkerInfo& which) {
  const Ref numbers = Ref::steal(Py_BuildValue("(II)", which.serial, which.slot));
  if (numbers) call_hook("call_before_fork", "pre_fork", numbers.get());
}

void PythonApplication::worker_ended(const worker::WorkerInfo& which, int pid) {
  const Ref numbers = Ref::steal(Py_BuildValue("(iII)", pid, which.serial, which.slot));
  if (numbers) call_hook("call_worker_ended", "child_exit", numbers.get());
}

void PythonApplication::workers_wanted(std::uint32_t now, std::uint32_t before) {
  const Ref numbers = Ref::steal(Py_BuildValue("(II)", now, before));
  if (numbers) call_hook("call_workers_wanted", "nworkers_changed", numbers.get());
}

void PythonApplication::upgrade_begins() {
  call_hook("call_upgrade_begins", "pre_exec");
}

void PythonApplication::server_ends() {
  call_hook("call_server_ends", "on_exit");
}

// The main thread runs the handler, however long another one keeps what it waits for.
void PythonApplication::on_deadline() noexcept {
  if (tell_deadlines_to_) (void)::pthread_kill(*tell_deadlines_to_, deadline_signal_);
}

// By a thread of its own: one that is stuck may keep the lock for ever.
void PythonApplication::leave_at_once(bool told) {
  if (!has_last_words_) return;
  auto said = std::make_shared<std::promise<void>>();
  auto done = said->get_future();
  std::thread{[this, told, said] {
    const PyGILState_STATE state = PyGILState_Ensure();
    call_hook("leave_at_once", "a hook", told ? Py_True : Py_False);
    PyGILState_Release(state);
    said->set_value();
  }}.detach();
  (void)done.wait_for(kLastWords);
}

}  // namespace monodon::python
