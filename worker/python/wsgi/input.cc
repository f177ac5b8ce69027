// SPDX-License-Identifier: Apache-2.0
// wsgi.input as a Python type.
#include "worker/python/wsgi/input.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <vector>

namespace monodon::python {
namespace {

constexpr std::size_t kWindow = 16 * 1024;

// What an object knows. `window` holds bytes of the body for readline, so that a body
// on disk is not read once for every line.
struct State {
  worker::Body* body = nullptr;
  std::uint64_t position = 0;
  std::uint64_t window_offset = 0;
  std::vector<char> window;

  void rewind(worker::Body* new_body) noexcept {
    body = new_body;
    position = 0;
    window_offset = 0;
    window.clear();
  }
};

struct InputObject {
  PyObject ob_base;
  State state;
};

PyTypeObject* type = nullptr;

// To be asked after the last code of the application that may run before the answer is
// used (__index__ of a size, the garbage collector's finalizers): it may let another
// thread run, and the request end.
State* state_of(PyObject* self) {
  State& state = reinterpret_cast<InputObject*>(self)->state;
  if (state.body != nullptr) return &state;
  PyErr_SetString(PyExc_ValueError, "the request that this body belongs to has ended");
  return nullptr;
}

std::uint64_t left(const State& state) {
  const std::uint64_t size = state.body->size();
  return size > state.position ? size - state.position : 0;
}

// A size argument: None or negative means all. False with an exception set.
bool parse_size(PyObject* args, const char* format, std::uint64_t& size) {
  PyObject* value = Py_None;
  size = UINT64_MAX;
  if (!PyArg_ParseTuple(args, format, &value)) return false;
  if (value == Py_None) return true;
  const Py_ssize_t number = PyNumber_AsSsize_t(value, nullptr);
  if (number == -1 && PyErr_Occurred() != nullptr) return false;
  if (number >= 0) size = static_cast<std::uint64_t>(number);
  return true;
}

bool fill(State& state, char* to, std::uint64_t count) {
  while (count > 0) {
    // With the GIL held: it keeps the body alive should another thread read it.
    const std::int64_t got = state.body->read(state.position, to, count);
    if (got <= 0) {
      errno = EIO;
      PyErr_SetFromErrno(PyExc_OSError);
      return false;
    }
    state.position += static_cast<std::uint64_t>(got);
    to += got;
    count -= static_cast<std::uint64_t>(got);
  }
  return true;
}

PyObject* take(State& state, std::uint64_t size) {
  const std::uint64_t count = std::min(size, left(state));
  Ref bytes =
      Ref::steal(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(count)));
  if (!bytes || !fill(state, PyBytes_AsString(bytes.get()), count)) return nullptr;
  return bytes.release();
}

// Makes the window start at the position. False with an exception set.
bool slide(State& state) {
  const std::uint64_t end = state.window_offset + state.window.size();
  if (state.position >= state.window_offset && state.position < end) return true;
  state.window.resize(std::min<std::uint64_t>(kWindow, left(state)));
  state.window_offset = state.position;
  const std::uint64_t keep = state.position;
  const bool filled = fill(state, state.window.data(), state.window.size());
  state.position = keep;
  if (!filled) state.window.clear();
  return filled;
}

// Length of the line at the position, its newline included, at most `size`; false
// with an exception set.
bool measure_line(State& state, std::uint64_t size, std::uint64_t& length) {
  const std::uint64_t start = state.position;
  const std::uint64_t limit = std::min(size, left(state));
  length = 0;
  while (length < limit) {
    state.position = start + length;
    if (!slide(state)) return false;
    const std::uint64_t skip = state.position - state.window_offset;
    const std::uint64_t have =
        std::min<std::uint64_t>(state.window.size() - skip, limit - length);
    const char* from = state.window.data() + skip;
    const void* newline = std::memchr(from, '\n', have);
    if (newline != nullptr) {
      length +=
          static_cast<std::uint64_t>(static_cast<const char*>(newline) - from) + 1;
      break;
    }
    length += have;
  }
  state.position = start;
  return true;
}

PyObject* take_line(State& state, std::uint64_t size) {
  std::uint64_t length = 0;
  if (!measure_line(state, size, length)) return nullptr;
  // Nearly always within the window already.
  const std::uint64_t skip = state.position - state.window_offset;
  if (state.position >= state.window_offset && skip + length <= state.window.size()) {
    PyObject* line = PyBytes_FromStringAndSize(state.window.data() + skip,
                                               static_cast<Py_ssize_t>(length));
    if (line != nullptr) state.position += length;
    return line;
  }
  return take(state, length);
}

PyObject* read(PyObject* self, PyObject* args) {
  std::uint64_t size = 0;
  if (!parse_size(args, "|O:read", size)) return nullptr;
  State* state = state_of(self);
  return state == nullptr ? nullptr : take(*state, size);
}

PyObject* readline(PyObject* self, PyObject* args) {
  std::uint64_t size = 0;
  if (!parse_size(args, "|O:readline", size)) return nullptr;
  State* state = state_of(self);
  return state == nullptr ? nullptr : take_line(*state, size);
}

PyObject* readlines(PyObject* self, PyObject* args) {
  std::uint64_t hint = 0;
  if (!parse_size(args, "|O:readlines", hint)) return nullptr;
  if (hint == 0) hint = UINT64_MAX;  // as io.IOBase.readlines
  Ref lines = Ref::steal(PyList_New(0));
  if (!lines) return nullptr;
  State* state = state_of(self);
  if (state == nullptr) return nullptr;
  for (std::uint64_t total = 0; total < hint && left(*state) > 0;) {
    const Ref line = Ref::steal(take_line(*state, UINT64_MAX));
    if (!line || PyList_Append(lines.get(), line.get()) != 0) return nullptr;
    total += static_cast<std::uint64_t>(PyBytes_Size(line.get()));
  }
  return lines.release();
}

PyObject* next(PyObject* self) {
  State* state = state_of(self);
  if (state == nullptr || left(*state) == 0) return nullptr;
  return take_line(*state, UINT64_MAX);
}

PyObject* itself(PyObject* self) {
  Py_INCREF(self);
  return self;
}

void destroy_input(PyObject* self) {
  PyTypeObject* own = Py_TYPE(self);
  reinterpret_cast<InputObject*>(self)->state.~State();
  PyObject_Free(self);
  Py_DECREF(reinterpret_cast<PyObject*>(own));
}

std::array<PyMethodDef, 4> methods{
    {{"read", read, METH_VARARGS, "read([size]) -> bytes"},
     {"readline", readline, METH_VARARGS, "readline([size]) -> bytes"},
     {"readlines", readlines, METH_VARARGS, "readlines([hint]) -> list of bytes"},
     {nullptr, nullptr, 0, nullptr}}};

}  // namespace

bool make_input_type() {
  std::array<PyType_Slot, 5> slots{
      {{Py_tp_methods, methods.data()},
       {Py_tp_iter, reinterpret_cast<void*>(itself)},
       {Py_tp_iternext, reinterpret_cast<void*>(next)},
       {Py_tp_dealloc, reinterpret_cast<void*>(destroy_input)},
       {0, nullptr}}};
  PyType_Spec spec{"monodon.Input", sizeof(InputObject), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                   slots.data()};
  type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return type != nullptr;
}

Ref new_input() {
  PyObject* object = PyType_GenericAlloc(type, 0);
  if (object != nullptr) new (&reinterpret_cast<InputObject*>(object)->state) State;
  return Ref::steal(object);
}

void bind_input(PyObject* input, worker::Body* body) noexcept {
  reinterpret_cast<InputObject*>(input)->state.rewind(body);
}

}  // namespace monodon::python
