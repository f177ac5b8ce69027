// SPDX-License-Identifier: Apache-2.0
#pragma once

// The only door to Python.h. Stable ABI of CPython 3.11 and later (Py_LIMITED_API is
// set by the build): one extension for every interpreter.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/process/own_process.h"

namespace monodon::python {

// Owns one reference. Whoever makes, copies or destroys one holds the GIL.
class Ref {
 public:
  Ref() noexcept = default;
  static Ref steal(PyObject* object) noexcept { return Ref{object}; }
  static Ref borrow(PyObject* object) noexcept {
    Py_XINCREF(object);
    return Ref{object};
  }
  Ref(Ref&& other) noexcept : object_{other.release()} {}
  Ref(const Ref&) = delete;
  Ref& operator=(Ref&& other) noexcept {
    PyObject* old = std::exchange(object_, other.release());
    Py_XDECREF(old);
    return *this;
  }
  ~Ref() { Py_XDECREF(object_); }

  [[nodiscard]] PyObject* get() const noexcept { return object_; }
  [[nodiscard]] PyObject* release() noexcept { return std::exchange(object_, nullptr); }
  explicit operator bool() const noexcept { return object_ != nullptr; }

 private:
  explicit Ref(PyObject* object) noexcept : object_{object} {}
  PyObject* object_ = nullptr;
};

// The calling thread's state while it runs without the GIL; null while it holds it.
// A plain pointer, so that access costs no more than a register.
inline thread_local PyThreadState* released_state = nullptr;

// Nothing happens when the thread has what it is to take, or has not what it is to let
// go of. Threads that Python knows only.
inline void take_gil() noexcept {
  if (released_state != nullptr)
    PyEval_RestoreThread(std::exchange(released_state, nullptr));
}
inline void let_go_of_gil() noexcept {
  if (released_state == nullptr) released_state = PyEval_SaveThread();
}

// Whether other application threads want the GIL: then a thread lets go of it between
// requests, and while it writes a block of any size. Set once, before the first
// request.
inline bool share_gil = false;

// Lets go of the GIL for the length of a scope; the thread has it before and after.
class Released {
 public:
  Released() noexcept { let_go_of_gil(); }
  ~Released() { take_gil(); }
  Released(const Released&) = delete;
  Released& operator=(const Released&) = delete;
};

// Takes the GIL for the length of a scope; the thread has it afterwards if it had it
// before.
class Held {
 public:
  Held() noexcept : taken_{released_state != nullptr} { take_gil(); }
  ~Held() {
    if (taken_) let_go_of_gil();
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

 private:
  bool taken_;
};

// Decoding of bytes as WSGI wants them (PEP 3333, "Unicode Issues"): ISO-8859-1.
[[nodiscard]] inline Ref latin1(std::string_view bytes) noexcept {
  return Ref::steal(PyUnicode_DecodeLatin1(
      bytes.data(), static_cast<Py_ssize_t>(bytes.size()), nullptr));
}

[[nodiscard]] inline std::string_view bytes_view(PyObject* bytes) noexcept {
  char* data = nullptr;
  Py_ssize_t size = 0;
  (void)PyBytes_AsStringAndSize(bytes, &data, &size);
  return {data, static_cast<std::size_t>(size)};
}

// Text of a str; lone surrogates are escaped. Never fails: "" if there is no memory.
[[nodiscard]] std::string text_of(PyObject* str);

// Takes the current exception, clears it, and returns its complete traceback.
[[nodiscard]] std::string take_traceback();

// Likewise, of a request for `path` that has failed; loggers of the site are told.
[[nodiscard]] std::string take_traceback_of_request(std::string_view path);

// Likewise, for whoever has to mend what failed: the first and the last line have the
// reason, and the traceback between them no frame of ours.
[[nodiscard]] std::string take_explanation();

// A process that the application forked and that came out of its code into ours: ends
// it, with the status that Python would if an exception is set, and without what is
// registered for the end of the worker.
[[noreturn]] void end_stranger() noexcept;

// What code of the application returned.
inline PyObject* came_back(PyObject* result) noexcept {
  if (is_stranger()) end_stranger();
  return result;
}

// A list of str, as os.fsdecode makes them: null with an exception set.
[[nodiscard]] Ref str_list(const std::vector<std::string>& texts);
// The texts of a list.
std::vector<std::string> texts_of(PyObject* list);

// Calls `name` of the helper module _monodon_runtime. Null with an exception set.
[[nodiscard]] Ref call_runtime(const char* name, PyObject* argument = nullptr,
                               PyObject* second = nullptr);

// The module itself, once: `module` is kept for the life of the process.
void set_runtime(PyObject* module) noexcept;

}  // namespace monodon::python
