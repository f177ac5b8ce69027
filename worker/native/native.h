// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/application.h"
#include "worker/native/entry.h"

namespace monodon::native {

// An application in C++: one that is built in ("native:hello", "native:test"), or a
// shared library ("native:/path/lib.so:entry", worker/native/entry.h). The same worker
// without an interpreter, so that the two can be told apart in a measurement.
class NativeApplication final : public worker::Application {
 public:
  worker::LoadError load(const worker::Boot& boot) override;
  int fork() override;
  int fork_child() override;
  worker::LoadError start_worker(const worker::WorkerInfo& info) override;
  Outcome start_thread(unsigned index, void (*body)(void*, unsigned),
                       void* context) override;
  void run_main(void (*body)(void*, unsigned), void* context) override;
  void serve(const worker::Request& request,
             worker::Response& response) noexcept override;
  void stop_worker() override;

 private:
  // Both live for ever: a worker leaves by _exit, and a library must not be unloaded
  // under its own threads.
  worker::Handler* handler_ = nullptr;
};

// Null: no such name.
[[nodiscard]] worker::Handler* built_in(std::string_view name);

}  // namespace monodon::native
