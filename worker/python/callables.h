// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "worker/python/py.h"

namespace monodon::python {

class Call;

// What an application calls: start_response(status, headers, exc_info=None), the
// write(bytes) that it returns (PEP 3333), and wsgi.early_hints(headers).
enum class Callable : std::uint8_t { start_response, write, early_hints };

// Once, when the module is made. False with an exception set.
bool make_callable_types();

// Null with an exception set: no memory.
[[nodiscard]] Ref new_callable(Callable what);

// Null cuts the object off: calling it raises RuntimeError from then on.
void bind_callable(PyObject* object, Call* call) noexcept;

}  // namespace monodon::python
