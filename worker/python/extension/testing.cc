// SPDX-License-Identifier: Apache-2.0
// The functions of the module that tests/python calls.
#include "worker/python/extension/testing.h"

#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "base/clock.h"
#include "scoreboard/segment.h"
#include "worker/process/local_request.h"
#include "worker/process/worker.h"
#include "worker/python/asgi/asgi_application.h"
#include "worker/python/wsgi/wsgi_application.h"
#include "worker/wire/boot.h"

namespace monodon::python {
namespace {

// What load() was told; the templates of environ point into it.
std::unique_ptr<worker::Boot>& loaded_boot() {
  static auto* boot = new std::unique_ptr<worker::Boot>;
  return *boot;
}

std::string stacks_with(std::string_view word) {
  const auto end = Clock::now() + std::chrono::seconds{20};
  std::string text;
  do {
    text = application().dump_stacks();
  } while (text.find(word) == std::string::npos && Clock::now() < end);
  return text;
}

}  // namespace

PythonApplication& application() {
  static auto* app =
      new PythonApplication{&WsgiApplication::make, &AsgiApplication::make};
  return *app;
}

PyObject* testing_default_boot(PyObject* /*module*/, PyObject* /*unused*/) {
  return PyUnicode_FromString(worker::to_json({}).c_str());
}

PyObject* testing_load(PyObject* /*module*/, PyObject* args) {
  const char* json = nullptr;
  Py_ssize_t size = 0;
  if (PyArg_ParseTuple(args, "s#:load", &json, &size) == 0) return nullptr;
  auto parsed = worker::boot_from_json({json, static_cast<std::size_t>(size)});
  if (!parsed) {
    PyErr_SetString(PyExc_ValueError, parsed.error().message().c_str());
    return nullptr;
  }
  auto boot = std::make_unique<worker::Boot>(std::move(parsed).value());
  const worker::LoadError error = application().load(*boot);
  loaded_boot() = std::move(boot);
  return Py_BuildValue("(Ls)", static_cast<long long>(error.failure),
                       error.reason.c_str());
}

PyObject* testing_run_request(PyObject* /*module*/, PyObject* args) {
  const char* head = nullptr;
  const char* body = nullptr;
  Py_ssize_t head_size = 0;
  Py_ssize_t body_size = 0;
  if (PyArg_ParseTuple(args, "y#y#:run_request", &head, &head_size, &body,
                       &body_size) == 0)
    return nullptr;
  if (!loaded_boot())
    return PyErr_Format(PyExc_RuntimeError, "load() an application first");
  const auto answer = worker::serve_locally(
      application(), *loaded_boot(), {head, static_cast<std::size_t>(head_size)},
      {body, static_cast<std::size_t>(body_size)});
  if (!answer) {
    PyErr_SetString(PyExc_ValueError, answer.error().message().c_str());
    return nullptr;
  }
  const worker::LocalAnswer& a = answer.value();
  return Py_BuildValue(
      "(y#y#Oss)", a.head.data(), static_cast<Py_ssize_t>(a.head.size()), a.body.data(),
      static_cast<Py_ssize_t>(a.body.size()), a.finished ? Py_True : Py_False,
      a.failure.c_str(), a.hints.c_str());
}

PyObject* testing_stacks_until(PyObject* /*module*/, PyObject* args) {
  const char* word = nullptr;
  int fd = -1;
  PyObject* function = nullptr;
  if (PyArg_ParseTuple(args, "siO:stacks_until", &word, &fd, &function) == 0)
    return nullptr;
  (void)application().start_worker({});
  std::string text;
  std::thread keeper{[&] {
    text = stacks_with(word);
    (void)!::write(fd, "x", 1);
  }};
  const Ref result = Ref::steal(PyObject_CallNoArgs(function));
  keeper.join();
  return result ? PyUnicode_FromString(text.c_str()) : nullptr;
}

PyObject* testing_run_worker(PyObject* /*module*/, PyObject* args) {
  int listener = -1;
  int channel = -1;
  if (PyArg_ParseTuple(args, "ii:run_worker", &listener, &channel) == 0) return nullptr;
  if (!loaded_boot())
    return PyErr_Format(PyExc_RuntimeError, "load() an application first");
  auto page = scoreboard::make_page(loaded_boot()->settings.threads);
  if (!page) {
    PyErr_SetString(PyExc_OSError, page.error().message().c_str());
    return nullptr;
  }
  worker::Heritage heritage;
  heritage.boot = loaded_boot().get();
  heritage.page = std::move(page).value();
  heritage.channel.reset(channel);
  heritage.listeners.emplace_back(listener);
  return PyLong_FromLong(worker::run(std::move(heritage), application()));
}

}  // namespace monodon::python
