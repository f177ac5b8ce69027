// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/python/py.h"
#include "worker/python/wsgi/call.h"
#include "worker/python/wsgi/environ.h"

namespace monodon::python {

// Runs one request through a WSGI application and sends what it returns (PEP 3333).
// Whatever the application does, SystemExit and KeyboardInterrupt included, ends in
// Response::finish or Response::fail and with no exception set. Any application
// thread, under the GIL, `call` attached.
class Answer {
 public:
  Answer(Call& call, PyObject* file_wrapper, bool use_sendfile)
      : call_{call}, file_wrapper_{file_wrapper}, use_sendfile_{use_sendfile} {}

  void run(PyObject* application, EnvironMaker& environ);

 private:
  // Each returns false when an exception is set or the answer was refused.
  bool send(PyObject* result);
  bool send_sequence(PyObject* result);
  bool send_file(PyObject* wrapper, bool& done);
  bool send_iterable(PyObject* result);
  bool begin(std::optional<std::uint64_t> known_length);
  void close(PyObject* result);
  void fail();

  Call& call_;
  PyObject* file_wrapper_;
  bool use_sendfile_;
};

}  // namespace monodon::python
