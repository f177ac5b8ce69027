// SPDX-License-Identifier: Apache-2.0
// One request after another through a WSGI application.
#include "worker/python/wsgi/wsgi_application.h"

#include <utility>

#include "worker/python/wsgi/answer.h"

namespace monodon::python {

std::unique_ptr<Gateway> WsgiApplication::make(const worker::Boot& boot,
                                               Ref application) {
  const Ref errors = call_runtime("ErrorStream");
  Ref file_wrapper = call_runtime("file_wrapper_type");
  if (!errors || !file_wrapper) return nullptr;
  return std::make_unique<WsgiApplication>(boot, std::move(application), errors.get(),
                                           std::move(file_wrapper));
}

WsgiApplication::WsgiApplication(const worker::Boot& boot, Ref application,
                                 PyObject* errors, Ref file_wrapper)
    : application_{std::move(application)},
      file_wrapper_{std::move(file_wrapper)},
      sendfile_{boot.settings.sendfile},
      environ_{boot, errors, file_wrapper_.get()} {}

void WsgiApplication::rehearse() {
  environ_.mark("monodon.rehearsal");
  if (Ref dressed = call_runtime("dress_for_rehearsal", application_.get()))
    application_ = std::move(dressed);
  else
    PyErr_Clear();  // a 5xx is told without its cause, then
}

Call& WsgiApplication::take_call() {
  if (idle_.empty()) {
    calls_.push_back(std::make_unique<Call>());
    idle_.reserve(calls_.size());
    return *calls_.back();
  }
  Call* call = idle_.back();
  idle_.pop_back();
  return *call;
}

void WsgiApplication::answer(const worker::Request& request,
                             worker::Response& response) {
  struct Borrowed {
    Call& call;
    std::vector<Call*>& idle;
    ~Borrowed() {
      call.detach();
      idle.push_back(&call);  // there is room
    }
  };
  const Borrowed borrowed{take_call(), idle_};
  Call& call = borrowed.call;
  if (call.attach(request, response))
    Answer{call, file_wrapper_.get(), sendfile_}.run(application_.get(), environ_);
  else
    response.fail("application could not be called\n" + take_traceback());
}

}  // namespace monodon::python
