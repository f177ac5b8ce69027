// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "worker/http/request.h"
#include "worker/python/py.h"

namespace monodon::python {

// Messages of ASGI: dictionaries with a type. Under the GIL.

// A value of one: borrowed, or null; with an exception if the key is not there and
// `needed`.
PyObject* item(PyObject* message, PyObject* key, bool needed = false);
// False, with a RuntimeError: `text` about a message of that type.
bool fail_state(const char* text, std::string_view type);
// The bytes of an object that has them. Null with an exception set.
Ref as_bytes(PyObject* value, const char* what);
// Fields of an iterable of pairs, and what keeps their bytes.
bool read_fields(PyObject* headers, std::vector<http::Field>& fields,
                 std::vector<Ref>& kept);

// A new one. Null with an exception set.
Ref message_of(PyObject* type);

}  // namespace monodon::python
