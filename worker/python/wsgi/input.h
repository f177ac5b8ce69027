// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/application.h"
#include "worker/python/py.h"

namespace monodon::python {

// wsgi.input (PEP 3333): read, readline, readlines and iteration over a request body
// that is complete already. Nothing is copied but what is asked for.

// Once, when the module is made. False with an exception set.
bool make_input_type();

// Null with an exception set: no memory.
[[nodiscard]] Ref new_input();

// Gives `body` to the object, from its start; null cuts it off, and reading raises
// ValueError from then on.
void bind_input(PyObject* input, worker::Body* body) noexcept;

}  // namespace monodon::python
