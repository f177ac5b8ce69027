// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/python/py.h"

namespace monodon::python {

// What receive() and send() return: something to await, like a coroutine (send, throw,
// close: collections.abc.Coroutine), so that asyncio.create_task() takes it as one.
//
// One that has its result needs neither a future nor a turn of the loop. Otherwise it
// waits for a future of asyncio's. Under the GIL throughout.

// Who has what a step waits for; asked when the step is awaited, not when it is made.
class StepSource {
 public:
  virtual ~StepSource() = default;
  // The result, or null without an exception: it has to be waited for. Null with an
  // exception: that is the result.
  virtual Ref result() = 0;
  // A future that is done once it is worth asking again. Null with an exception set.
  virtual Ref wait() = 0;
};

// Once, when the module is made. False with an exception set.
bool make_step_type();

// A step whose result is None; always the same object.
[[nodiscard]] PyObject* done_step() noexcept;

// A step that asks `source`. `owner` is kept as long as the step; `find` is what
// `owner` has at the time, or null once its request has ended: then `at_end` is called.
struct StepKind {
  StepSource* (*find)(PyObject* owner);
  // The result then, new reference; null with an exception.
  PyObject* (*at_end)(PyObject* owner);
};
[[nodiscard]] PyObject* new_step(const StepKind& kind, PyObject* owner);

}  // namespace monodon::python
