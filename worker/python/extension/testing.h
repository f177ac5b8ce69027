// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/python/application.h"
#include "worker/python/py.h"

namespace monodon::python {

// Functions of the module for tests/python: an application without a server.

// The one application of the process, which the zygote uses too. Never destroyed: a
// worker leaves by _exit.
PythonApplication& application();

// default_boot() -> JSON of a boot message with every default.
PyObject* testing_default_boot(PyObject* module, PyObject* unused);

// load(boot_json) -> (failure, reason); may be called again.
PyObject* testing_load(PyObject* module, PyObject* args);

// run_request(head, body) -> (head, body, finished, failure, hints)
PyObject* testing_run_request(PyObject* module, PyObject* args);

// stacks_until(word, fd, function) -> str. Calls function() while another thread, as
// the keeper does, takes stacks until they hold `word` or 20 seconds are over, then
// writes a byte to fd. Returns the last text.
PyObject* testing_stacks_until(PyObject* module, PyObject* args);

// run_worker(listener_fd, channel_fd) -> exit status. A whole worker in this process,
// with the application of load(), which must have named one listener. Ends when the
// other end of the channel is closed.
PyObject* testing_run_worker(PyObject* module, PyObject* args);

}  // namespace monodon::python
