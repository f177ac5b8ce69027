// SPDX-License-Identifier: Apache-2.0
#include <stdexcept>
#include <string>

#include "worker/native/entry.h"

// An application in a shared library (worker/native/entry.h), and two that are none.
namespace {

using namespace monodon;

class Application final : public worker::Handler {
 public:
  void start_worker() override { started_ = true; }

  void handle(const worker::Request& request, worker::Response& response) override {
    if (request.head->path == "/throw") throw std::runtime_error{"as asked"};
    std::string body{request.head->path};
    if (started_) body += ", worker started";
    const std::string error = response.begin({"200 OK", {}}, body.size());
    if (!error.empty()) return response.fail(error);
    response.finish(body);
  }

 private:
  bool started_ = false;
};

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT worker::Handler* make_application(const worker::Boot& /*boot*/) {
  static Application application;
  return &application;
}

EXPORT worker::Handler* make_nothing(const worker::Boot& /*boot*/) {
  return nullptr;
}

EXPORT worker::Handler* make_trouble(const worker::Boot& /*boot*/) {
  throw std::runtime_error{"no database"};
}
