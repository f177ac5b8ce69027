// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/python/py.h"

namespace monodon::python {

// Makes asyncio tasks whose first step runs at once: a coroutine that does not wait
// costs no turn of the loop. They are asyncio's own Task objects: current_task(),
// timeouts and task groups need that. Under the GIL, while the loop runs and no task
// does.
class Tasks {
 public:
  // Null with an exception set.
  static Tasks* make(PyObject* loop);

  // A task that may be done already. Null with an exception set: what its first step
  // raised beyond Exception, or what made it impossible. Takes the loop's own task
  // factory where there is one; then it has not begun.
  [[nodiscard]] Ref start(PyObject* coroutine);

 private:
  Tasks() = default;
  [[nodiscard]] Ref start_eagerly(PyObject* coroutine);
  [[nodiscard]] Ref start_and_step(PyObject* coroutine);

  Ref loop_, task_type_, keywords_, catcher_;
  Ref caught_;  // the first step's callback, and its context
  Ref context_;
  friend PyObject* catch_step(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);
};

}  // namespace monodon::python
