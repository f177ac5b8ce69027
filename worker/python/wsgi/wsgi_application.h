// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "worker/python/gateway.h"
#include "worker/python/py.h"
#include "worker/python/wsgi/call.h"
#include "worker/python/wsgi/environ.h"

namespace monodon::python {

// A loaded WSGI application (PEP 3333) and what its requests have in common.
class WsgiApplication final : public Gateway {
 public:
  // A MakeGateway.
  static std::unique_ptr<Gateway> make(const worker::Boot& boot, Ref application);

  // Throws std::runtime_error when Python refuses to make the environ.
  WsgiApplication(const worker::Boot& boot, Ref application, PyObject* errors,
                  Ref file_wrapper);

  void answer(const worker::Request& request, worker::Response& response) override;
  void replace(Ref application) override { application_ = std::move(application); }
  void rehearse() override;

 private:
  [[nodiscard]] Call& take_call();

  Ref application_;
  Ref file_wrapper_;
  bool sendfile_;
  EnvironMaker environ_;
  // As many as threads ran at once. Never given back: threads of the application may
  // know one of a request that has ended.
  std::vector<std::unique_ptr<Call>> calls_;
  std::vector<Call*> idle_;
};

}  // namespace monodon::python
