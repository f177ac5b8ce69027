// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace monodon::python {

// The PyThreadState that holds the GIL of the main interpreter at this moment; null:
// nobody does, or this interpreter does not tell (CPython 3.12). A look at memory of
// the interpreter that others change meanwhile: for people, nothing must rely on it.
// Any thread, without the GIL, after Py_Initialize.
[[nodiscard]] const void* gil_holder() noexcept;

}  // namespace monodon::python
