// SPDX-License-Identifier: Apache-2.0
// The calls of worker::Application, passed on to the interpreter.
#include "worker/python/application.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include "base/clock.h"
#include "base/log/log.h"
#include "base/log/log_sight.h"
#include "worker/process/double_fork.h"
#include "worker/wire/wire.h"

namespace monodon::python {
namespace {

struct ThreadJob {
  unsigned index;
  void (*body)(void*, unsigned);
  void* context;
  Stacks* stacks;
};

constexpr const char* kJobName = "monodon.thread";

bool prepare_interpreter(const worker::Boot& boot) {
  const worker::Settings& settings = boot.settings;
  std::vector<std::string> path{settings.directory};
  path.insert(path.end(), settings.python_path.begin(), settings.python_path.end());
  const Ref paths = str_list(path);
  const Ref environment = str_list(settings.environment);
  const Ref argv = str_list(boot.argv);
  const bool to_syslog = settings.syslog && !settings.disable_redirect_access_to_syslog;
  const Ref logs = str_list({settings.log_level, settings.access_log,
                             settings.access_log_format, to_syslog ? "syslog" : ""});
  return paths && environment && argv && call_runtime("set_argv", argv.get()) && logs &&
         call_runtime("set_up_loggers", logs.get()) &&
         call_runtime("prepare_interpreter", paths.get(), environment.get());
}

worker::LoadError import_failure() {
  const auto failure = static_cast<std::int64_t>(wire::LoadFailure::import_error);
  return {failure, take_explanation()};
}

}  // namespace

worker::LoadError PythonApplication::prepare(const worker::Boot& boot) {
  const worker::Settings& s = boot.settings;
  // Before anybody looks which descriptors there are.
  const bool all = s.application_output == "all";
  if (s.application_output != "off" && log::take_output(all) &&
      !call_runtime("take_output", all ? Py_True : Py_False))
    return import_failure();
  if ((s.reload || s.development) &&
      !call_runtime("develop", s.reload ? Py_True : Py_False,
                    s.development ? Py_True : Py_False))
    return import_failure();
  // Without a file there may be flags for the application's logging.
  if (boot.gunicorn_settings.empty()) return {};
  const Ref texts = str_list({boot.gunicorn_conf, worker::facts_for_hooks(boot)});
  if (!prepare_interpreter(boot) || !texts ||
      !call_runtime("load_gunicorn_conf", texts.get()))
    return {static_cast<std::int64_t>(wire::LoadFailure::not_ready),
            take_explanation()};  // of the configuration, as with Gunicorn
  has_hooks_ = true;
  return {};
}

worker::LoadError PythonApplication::load(const worker::Boot& boot) {
  const worker::Settings& settings = boot.settings;
  if (!prepare_interpreter(boot)) return import_failure();

  const Ref name = str_list({settings.application, settings.interface});
  if (!name) return import_failure();
  const Ref loaded = call_runtime("load_application", PyList_GetItem(name.get(), 0),
                                  PyList_GetItem(name.get(), 1));
  if (!loaded) return import_failure();
  int failure = 0;
  int asynchronous = 0;
  PyObject* value = nullptr;
  if (PyArg_ParseTuple(loaded.get(), "iOp", &failure, &value, &asynchronous) == 0)
    return import_failure();
  if (failure != 0) return {failure, text_of(value)};
  Ref application = Ref::borrow(value);
  if (settings.log_exceptions && !call_runtime("log_exceptions"))
    return import_failure();
  const Ref hooks =
      str_list({settings.pre_fork, settings.post_fork, settings.pre_stop});
  if (!hooks || !call_runtime("load_hooks", hooks.get())) return import_failure();

  share_gil = settings.threads > 1;
  try {
    const MakeGateway make = asynchronous != 0 ? make_asgi_ : make_wsgi_;
    gateway_ = make(boot, std::move(application));
  } catch (const std::runtime_error& e) {
    return {static_cast<std::int64_t>(wire::LoadFailure::import_error), e.what()};
  }
  if (!gateway_) return import_failure();
  return {};
}

worker::LoadError PythonApplication::call_pre_fork() {
  if (call_runtime("call_pre_fork")) return {};
  const auto failure = static_cast<std::int64_t>(wire::LoadFailure::import_error);
  return {failure, "pre_fork raised " + take_explanation()};
}

void PythonApplication::stop_zygote(bool discard) {
  if (!call_runtime("stop_zygote", discard ? Py_True : Py_False))
    log::warning("ending the zygote raised\n" + take_traceback(),
                 {log::Id::application_error});
}

std::vector<std::string> PythonApplication::prepare_to_fork(bool explain) {
  const Ref lines = call_runtime("prepare_to_fork", explain ? Py_True : Py_False);
  if (!lines || !PyList_Check(lines.get())) return {take_traceback()};
  return texts_of(lines.get());
}

namespace {

// The hooks of os.register_at_fork run once here and once in the new process; one
// between the two has no Python.
int fork_python(pid_t (*fork_process)()) {
  PyOS_BeforeFork();
  const pid_t pid = fork_process();
  const int error = errno;
  if (pid == 0)
    PyOS_AfterFork_Child();
  else
    PyOS_AfterFork_Parent();
  errno = error;
  return pid;
}

}  // namespace

int PythonApplication::fork() {
  return told(fork_python(&worker::double_fork));
}

int PythonApplication::told(int pid) {
  const int error = errno;
  if (const Ref number = pid > 0 ? Ref::steal(PyLong_FromLong(pid)) : Ref{})
    call_hook("call_forked", "server.WORKERS", number.get());
  errno = error;
  return pid;
}

int PythonApplication::fork_child() {
  return told(fork_python(&::fork));
}

void PythonApplication::rehearse() {
  const Held held;
  if (gateway_) gateway_->rehearse();
}

void PythonApplication::end_rehearsal() {
  const Held held;
  if (!call_runtime("call_last_hooks")) PyErr_Clear();
}

worker::LoadError PythonApplication::start_worker(const worker::WorkerInfo& info) {
  const Held held;
  stacks_.arm();
  watch_signals();
  if (!call_runtime("start_worker"))
    log::warning("starting the worker raised\n" + take_traceback(),
                 {log::Id::application_error});
  const Ref numbers =
      Ref::steal(Py_BuildValue("(III)", info.slot, info.generation, info.threads));
  const Ref serial = Ref::steal(PyLong_FromUnsignedLong(info.serial));
  const Ref wishes = numbers && serial
                         ? call_runtime("call_post_fork", numbers.get(), serial.get())
                         : Ref{};
  int deadlines = 0;
  int last_words = 0;
  PyObject* other = nullptr;
  if (wishes &&
      PyArg_ParseTuple(wishes.get(), "ipO", &deadlines, &last_words, &other) != 0) {
    if ((deadline_signal_ = deadlines) != 0) tell_deadlines_to_ = ::pthread_self();
    has_last_words_ = last_words != 0;
    if (other != Py_None && gateway_) gateway_->replace(Ref::borrow(other));
    return gateway_ ? gateway_->start_worker() : worker::LoadError{};
  }
  // Gunicorn's exit status, where it is Gunicorn's hook.
  const auto failure =
      has_hooks_ ? wire::LoadFailure::import_error : wire::LoadFailure::not_ready;
  const std::string why = take_explanation();
  const Ref hook = call_runtime("hook_that_failed");
  if (!hook) PyErr_Clear();
  return {static_cast<std::int64_t>(failure),
          (hook ? text_of(hook.get()) : "post_fork") + " raised " + why};
}

PyObject* run_thread(PyObject* /*module*/, PyObject* job) {
  const std::unique_ptr<ThreadJob> own{
      static_cast<ThreadJob*>(PyCapsule_GetPointer(job, kJobName))};
  if (!own) return nullptr;
  own->stacks->name_this_thread(fmt::format("monodon-{}", own->index));
  {
    const Released released;
    own->body(own->context, own->index);
  }
  Py_RETURN_NONE;
}

Outcome PythonApplication::start_thread(unsigned index, void (*body)(void*, unsigned),
                                        void* context) {
  const Held held;
  auto job = std::make_unique<ThreadJob>(ThreadJob{index, body, context, &stacks_});
  const Ref capsule = Ref::steal(PyCapsule_New(job.get(), kJobName, nullptr));
  const Ref number = Ref::steal(PyLong_FromUnsignedLong(index));
  if (!capsule || !call_runtime("start_thread", number.get(), capsule.get())) {
    return Error{
        fmt::format("start application thread {}: {}", index, take_traceback()), 0};
  }
  (void)job.release();  // the thread's
  return ok();
}

void PythonApplication::run_main(void (*body)(void*, unsigned), void* context) {
  const Released released;
  body(context, 0);
}

// The door that C++ exceptions (no memory) do not pass: what runs below is CPython.
//
// A thread that has the interpreter to itself keeps the GIL until it waits (rest()): a
// batch of events is served under one. Threads of the application's own get it in the
// usual way, by asking while Python code runs.
void PythonApplication::serve(const worker::Request& request,
                              worker::Response& response) noexcept {
  try {
    if (share_gil) {
      const std::uint64_t before = monotonic_ns();
      const Held held;
      response.note_lock_wait(elapsed_ns(before, monotonic_ns()));
      answer(request, response);
    } else {
      take_gil();
      answer(request, response);
    }
  } catch (const std::exception& e) {
    PyErr_Clear();
    response.fail(e.what());
  }
}

void PythonApplication::answer(const worker::Request& request,
                               worker::Response& response) {
  gateway_->answer(request, response);
  if (modules_ != nullptr && PyDict_Size(modules_) != modules_seen_) learn();
}

void PythonApplication::watch_signals() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) {
    log::warning(last_error("watch signals of the application").message(),
                 {log::Id::application_warning});
    return;
  }
  signals_.reset(ends[0]);
  signals_from_.reset(ends[1]);
  const Ref fd = Ref::steal(PyLong_FromLong(ends[1]));
  if (!call_runtime("watch_signals", fd.get()))
    log::warning("signals of the application cannot be watched\n" + take_traceback(),
                 {log::Id::application_warning});
}

// Python-level handlers of signals run here while no request does.
void PythonApplication::on_interrupt() {
  std::array<char, 64> numbers;
  while (signals_ && ::read(signals_.get(), numbers.data(), numbers.size()) > 0) {
  }
  const Held held;
  const int failed = PyErr_CheckSignals();
  if (is_stranger()) end_stranger();
  if (failed != 0)
    log::warning("a signal handler raised\n" + take_traceback(),
                 {log::Id::application_error});
}

std::string PythonApplication::dump_stacks() {
  return stacks_.take();
}

void PythonApplication::stop_worker() {
  const Held held;
  if (gateway_) gateway_->stop_worker();
  if (!call_runtime("stop_worker"))
    log::warning("stopping the worker raised\n" + take_traceback(),
                 {log::Id::application_error});
}

}  // namespace monodon::python
