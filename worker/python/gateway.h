// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "worker/application.h"
#include "worker/python/py.h"

namespace monodon::python {

// How requests reach a Python application: the interface that it was written for. WSGI
// (PEP 3333) is in worker/python/wsgi. Under the GIL throughout; made once the
// application is loaded, and destroyed only by the next load.
class Gateway {
 public:
  virtual ~Gateway() = default;

  // Worker, any application thread. Whatever the application does, SystemExit and
  // KeyboardInterrupt included, ends in Response::finish or Response::fail and with no
  // Python exception set. Throws std::bad_alloc only.
  virtual void answer(const worker::Request& request, worker::Response& response) = 0;

  // Worker, before the first request: another application takes the place of the one
  // that was loaded.
  virtual void replace(Ref application) = 0;

  // worker::Application::rehearse, under the GIL.
  virtual void rehearse() = 0;

  // The rest is what worker::Application has of that name, under the GIL, for an
  // interface whose requests are interleaved.
  [[nodiscard]] virtual bool interleaves() const noexcept { return false; }
  virtual bool start(const worker::Request& request, worker::Response& response,
                     worker::Pending& /*pending*/) {
    answer(request, response);
    return true;
  }
  virtual void tell(worker::Pending& /*pending*/, worker::News /*news*/) {}
  [[nodiscard]] virtual bool wants_turn() { return false; }
  virtual worker::LoadError run_turns(worker::Turns& /*turns*/) { return {}; }
  // A reason: the worker must not serve.
  virtual worker::LoadError start_worker() { return {}; }
  virtual void stop_worker() {}
};

// Zygote or worker, main thread. `boot` outlives the gateway. Null with a Python
// exception set, or std::runtime_error with the whole reason: the application is not to
// be served.
using MakeGateway = std::unique_ptr<Gateway> (*)(const worker::Boot& boot,
                                                 Ref application);

}  // namespace monodon::python
