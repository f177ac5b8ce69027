// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/application.h"

// How a shared library is an application: `application: native:/path/lib.so:entry`.
//
// The library is compiled with these headers and the compiler of the server (it is C++
// on both sides; there is no promise across versions) and exports a function
//
//   extern "C" monodon::worker::Handler* entry(const monodon::worker::Boot& boot);
//
// It is called once: in the zygote before any worker exists, or with `preload: false`
// in each worker. Null or an exception means that the application cannot be loaded.
// The handler lives as long as the process and is never deleted. What it holds when
// the zygote forks is shared by all workers: connections and threads belong in
// start_worker().
namespace monodon::worker {

class Handler {
 public:
  virtual ~Handler() = default;

  // Worker, main thread, before the first request.
  virtual void start_worker() {}

  // Worker, any application thread, several at once with `threads` > 1. An exception
  // is a 500 and a line in the log.
  virtual void handle(const Request& request, Response& response) = 0;

  // Worker, main thread, after the last request.
  virtual void stop_worker() {}
};

using Entry = Handler*(const Boot& boot);

}  // namespace monodon::worker
