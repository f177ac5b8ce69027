// SPDX-License-Identifier: Apache-2.0
// An application in a shared library, as worker/native/entry.h describes it.
#include <array>
#include <stdexcept>
#include <string>

#include "worker/native/entry.h"

namespace {

using namespace monodon;

class Greeter final : public worker::Handler {
 public:
  void handle(const worker::Request& request, worker::Response& response) override {
    if (request.head->path == "/throw") throw std::runtime_error{"asked to"};
    const std::string body = "native greets " + std::string{request.head->path};
    const std::array<http::Field, 1> fields{{{"Content-Type", "text/plain"}}};
    if (const std::string refused = response.begin({"200 OK", fields}, body.size());
        !refused.empty())
      return response.fail(refused);
    response.finish(body);
  }
};

}  // namespace

extern "C" [[gnu::visibility("default")]] worker::Handler* greet(const worker::Boot&) {
  return new Greeter;
}

extern "C" [[gnu::visibility("default")]] worker::Handler* nothing(
    const worker::Boot&) {
  return nullptr;
}
