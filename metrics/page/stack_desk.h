// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/unique_fd.h"
#include "metrics/http/http_server.h"
#include "metrics/observation/channel.h"

namespace monodon::metrics {

// Gets the stacks of a worker for somebody at the dashboard: asks the master, and reads
// what the worker writes. One at a time; whoever comes meanwhile is told so (503), and
// whoever asks in vain after kPatience (504). Exporter, in its loop.
class StackDesk {
 public:
  static constexpr std::chrono::milliseconds kPatience{5'000};
  static constexpr std::size_t kMostText = 1 << 20;

  // `channel`: to the master; both must outlive it.
  StackDesk(HttpServer& server, int channel);
  ~StackDesk();
  StackDesk(const StackDesk&) = delete;
  StackDesk& operator=(const StackDesk&) = delete;

  void ask(std::uint32_t slot, HttpServer::Reply reply);
  // The master's answer.
  void hear(const StacksAnswer& answer, UniqueFd stacks);

 private:
  struct Round;
  HttpServer& server_;
  int channel_;
  std::shared_ptr<Round> round_;  // null: nobody waits
};

}  // namespace monodon::metrics
