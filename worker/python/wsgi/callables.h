// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/python/py.h"

namespace monodon::python {

class Call;

// What an application calls: start_response(status, headers, exc_info=None), the
// write(bytes) that it returns (PEP 3333), and wsgi.early_hints(headers). Built-in
// methods of one object, since those are what the interpreter calls with least ado.
// Under the GIL throughout.
class Callables {
 public:
  // False with an exception set: no memory.
  bool make();
  explicit operator bool() const noexcept { return static_cast<bool>(self_); }

  // Null cuts them off: calling one raises RuntimeError from then on.
  void bind(Call* call) noexcept;
  // Whether the application has kept one of them, so that a next request cannot use it.
  [[nodiscard]] bool kept() const noexcept;

  Ref start_response;
  Ref write;
  Ref early_hints;

 private:
  Ref self_;
};

// Once, when the module is made. False with an exception set.
bool make_callable_type();

}  // namespace monodon::python
