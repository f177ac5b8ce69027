// SPDX-License-Identifier: Apache-2.0
// One call of the application, and what it returned, sent.
#include "worker/python/wsgi/answer.h"

#include <algorithm>

#include "base/log/log.h"

namespace monodon::python {

using worker::Taken;

namespace {

bool check_block(PyObject* item) {
  if (PyBytes_Check(item)) return true;
  PyErr_Format(PyExc_TypeError, "a WSGI application must yield bytes, not %R",
               Py_TYPE(item));
  return false;
}

// An exact list or tuple: its length and items are what they say, and it has no
// close().
bool is_plain_sequence(PyObject* object) {
  return PyList_CheckExact(object) || PyTuple_CheckExact(object);
}

Py_ssize_t sequence_size(PyObject* object) {
  return PyList_CheckExact(object) ? PyList_Size(object) : PyTuple_Size(object);
}

PyObject* sequence_item(PyObject* object, Py_ssize_t index) {
  return PyList_CheckExact(object) ? PyList_GetItem(object, index)
                                   : PyTuple_GetItem(object, index);
}

}  // namespace

void Answer::run(PyObject* application, EnvironMaker& environ_maker) {
  const Ref environ = environ_maker.make(call_);
  if (!environ) return fail();
  const Ref result = Ref::steal(came_back(PyObject_CallFunctionObjArgs(
      application, environ.get(), call_.callables.start_response.get(), nullptr)));
  if (!result) return fail();
  if (!send(result.get())) fail();
  if (!is_plain_sequence(result.get())) close(result.get());
}

bool Answer::send(PyObject* result) {
  if (is_plain_sequence(result)) return send_sequence(result);
  if (use_sendfile_ && reinterpret_cast<PyObject*>(Py_TYPE(result)) == file_wrapper_) {
    bool done = false;
    if (!send_file(result, done)) return false;
    if (done) return true;
  }
  return send_iterable(result);
}

bool Answer::begin(std::optional<std::uint64_t> known_length) {
  if (!call_.started()) {
    PyErr_SetString(
        PyExc_AssertionError,
        "the application did not call start_response before its first block");
    return false;
  }
  if (call_.begin(known_length)) return true;
  PyErr_Format(PyExc_ValueError, "%s", call_.refusal().c_str());
  return false;
}

bool Answer::send_sequence(PyObject* result) {
  const Py_ssize_t count = sequence_size(result);
  // References of our own: write() may let other threads run, who may have the list.
  std::vector<Ref> blocks;
  std::uint64_t total = 0;
  if (count > 1) blocks.reserve(static_cast<std::size_t>(count));
  Ref last;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* item = sequence_item(result, i);
    if (!check_block(item)) return false;
    total += static_cast<std::uint64_t>(PyBytes_Size(item));
    if (last) blocks.push_back(std::move(last));
    last = Ref::borrow(item);
  }
  // After write() the length of this sequence is not that of the body.
  const bool whole = !call_.begun();
  if (!begin(whole ? std::optional{total} : std::nullopt)) return false;
  for (const Ref& block : blocks)
    if (PyBytes_Size(block.get()) > 0 && call_.write(block.get()) != Taken::sent) break;
  call_.finish(last.get());
  return true;
}

// Leaves `done` false when the wrapped object is no regular file and must be read.
bool Answer::send_file(PyObject* wrapper, bool& done) {
  const Ref span = call_runtime("file_span", wrapper);
  if (!span) return false;
  if (span.get() == Py_None) return true;
  int fd = -1;
  unsigned long long offset = 0;
  unsigned long long count = 0;
  if (PyArg_ParseTuple(span.get(), "iKK", &fd, &offset, &count) == 0) return false;
  if (const auto length = call_.content_length(); length && *length < count)
    count = *length;
  const bool whole = !call_.begun();
  if (!begin(whole ? std::optional<std::uint64_t>{count} : std::nullopt)) return false;
  done = true;
  if (count == 0 || call_.send_file(fd, offset, count)) call_.finish(nullptr);
  return true;
}

bool Answer::send_iterable(PyObject* result) {
  const Ref iterator = Ref::steal(came_back(PyObject_GetIter(result)));
  if (!iterator) return false;
  while (true) {
    const Ref item = Ref::steal(came_back(PyIter_Next(iterator.get())));
    if (!item) break;
    if (!check_block(item.get())) return false;
    // An empty block says "not yet", so that start_response may still come.
    if (PyBytes_Size(item.get()) == 0) continue;
    if (!begin(std::nullopt)) return false;
    // Each block goes out before the next one is asked for (PEP 3333, "Buffering and
    // Streaming"), and one that is not wanted is the last: there is no body, or it was
    // complete before. So the lines behind the last byte run, and no more.
    if (call_.write(item.get()) != Taken::sent) {
      call_.finish(nullptr);
      return true;
    }
  }
  if (PyErr_Occurred() != nullptr) return false;
  // Nothing came at all: that is a body of known length, none.
  const bool empty = !call_.begun();
  if (!begin(empty ? std::optional<std::uint64_t>{0} : std::nullopt)) return false;
  call_.finish(nullptr);
  return true;
}

// Called exactly once for each result that has it, also after an error and when the
// client has gone (PEP 3333).
void Answer::close(PyObject* result) {
  const Ref method = Ref::steal(came_back(PyObject_GetAttrString(result, "close")));
  if (!method) return PyErr_Clear();
  const Ref returned = Ref::steal(came_back(PyObject_CallNoArgs(method.get())));
  if (returned) return;
  // The answer has been given by now, so this is for the log only.
  const worker::Request& request = *call_.request;
  log::error("close() of the response raised\n" + take_traceback(),
             {log::Id::application_error,
              {"method", request.head->method},
              {"path", request.head->path},
              {"request_id", request.request_id}});
}

void Answer::fail() {
  // The exception is ours then: write() told the application to stop.
  const bool enough =
      call_.told_enough && PyErr_ExceptionMatches(PyExc_BrokenPipeError) != 0;
  if (call_.client_gone || enough) {
    (void)take_traceback();
    if (!call_.client_gone) call_.finish(nullptr);
    return;
  }
  call_.fail("application raised\n" +
             take_traceback_of_request(call_.request->head->path));
}

}  // namespace monodon::python
