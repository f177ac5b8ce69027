// SPDX-License-Identifier: Apache-2.0
// Calls for requests that are interleaved, passed on to the gateway.
#include <exception>
#include <string>

#include "base/log/log.h"
#include "worker/python/application.h"

namespace monodon::python {

// The GIL is kept as in serve(): a turn lets go of it when it waits.
bool PythonApplication::start(const worker::Request& request,
                              worker::Response& response,
                              worker::Pending& pending) noexcept {
  try {
    take_gil();
    const bool over = gateway_->start(request, response, pending);
    if (modules_ != nullptr && PyDict_Size(modules_) != modules_seen_) learn();
    return over;
  } catch (const std::exception& e) {
    PyErr_Clear();
    response.fail(e.what());
    return true;
  }
}

void PythonApplication::tell(worker::Pending& pending, worker::News news) noexcept {
  try {
    take_gil();
    gateway_->tell(pending, news);
  } catch (const std::exception& e) {
    PyErr_Clear();
    log::error(std::string{"a request could not be told what became of its client: "} +
                   e.what(),
               {log::Id::bug});
  }
}

// Without the GIL nothing of Python's has run since it was asked last.
bool PythonApplication::wants_turn() noexcept {
  return released_state == nullptr && gateway_->wants_turn();
}

worker::LoadError PythonApplication::run_turns(worker::Turns& turns) {
  const Held held;
  return gateway_->run_turns(turns);
}

}  // namespace monodon::python
