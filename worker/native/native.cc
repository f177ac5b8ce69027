// SPDX-License-Identifier: Apache-2.0
// A C++ handler as an application.
#include "worker/native/native.h"

#include <dlfcn.h>
#include <fmt/core.h>

#include <cerrno>
#include <exception>
#include <system_error>
#include <thread>

#include "worker/process/double_fork.h"
#include "worker/wire/wire.h"

namespace monodon::native {
namespace {

worker::LoadError failure(wire::LoadFailure what, std::string reason) {
  return {static_cast<std::int64_t>(what), std::move(reason)};
}

std::string last_dl_error() {
  const char* text = ::dlerror();
  return text == nullptr ? "no reason given" : text;
}

}  // namespace

worker::LoadError NativeApplication::load(const worker::Boot& boot) {
  using wire::LoadFailure;
  std::string_view name = boot.settings.application;
  if (name.starts_with("native:")) name.remove_prefix(7);
  handler_ = built_in(name);
  if (handler_ != nullptr) return {};

  const std::size_t colon = name.rfind(':');
  if (colon == std::string_view::npos || !name.starts_with('/'))
    return failure(
        LoadFailure::no_such_attribute,
        fmt::format("native:{}: neither built in nor /path/lib.so:entry", name));
  const std::string path{name.substr(0, colon)};
  const std::string entry_name{name.substr(colon + 1)};
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return failure(LoadFailure::import_error, last_dl_error());
  void* symbol = ::dlsym(library, entry_name.c_str());
  if (symbol == nullptr)
    return failure(LoadFailure::no_such_attribute, last_dl_error());
  try {
    handler_ = reinterpret_cast<worker::Entry*>(symbol)(boot);
  } catch (const std::exception& e) {
    return failure(LoadFailure::import_error,
                   fmt::format("{} threw: {}", name, e.what()));
  } catch (...) {
    return failure(LoadFailure::import_error, fmt::format("{} threw", name));
  }
  if (handler_ != nullptr) return {};
  return failure(LoadFailure::import_error, fmt::format("{} returned null", name));
}

int NativeApplication::fork() {
  return worker::double_fork();
}

int NativeApplication::fork_child() {
  return ::fork();
}

worker::LoadError NativeApplication::start_worker(const worker::WorkerInfo& /*info*/) {
  handler_->start_worker();
  return {};
}

Outcome NativeApplication::start_thread(unsigned index, void (*body)(void*, unsigned),
                                        void* context) {
  try {
    // The worker waits for its threads by its own means before it ends.
    std::thread{body, context, index}.detach();
  } catch (const std::system_error& e) {
    return Error{fmt::format("start application thread {}", index), e.code().value()};
  }
  return ok();
}

void NativeApplication::run_main(void (*body)(void*, unsigned), void* context) {
  body(context, 0);
}

// The door that exceptions of the application do not pass.
void NativeApplication::serve(const worker::Request& request,
                              worker::Response& response) noexcept {
  try {
    handler_->handle(request, response);
  } catch (const std::exception& e) {
    response.fail(fmt::format("application threw: {}", e.what()));
  } catch (...) {
    response.fail("application threw");
  }
}

void NativeApplication::stop_worker() {
  handler_->stop_worker();
}

}  // namespace monodon::native
