// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "worker/application.h"
#include "worker/http/local_target.h"

namespace monodon::worker {

// What an application answered to a request that no client sent.
struct LocalAnswer {
  int status = 0;         // 0: no head came
  std::string head;       // status line and fields, as a client would get them
  std::string body;       // without chunk framing
  std::string hints;      // 103 fields, "name: value" lines
  bool finished = false;  // false: the response was cut short
  std::string failure;    // what Response::fail was told
};

// `failure` after the first line of its exception, which is at its end as well: people
// look at both ends.
std::string reason_first_and_last(const LocalAnswer& answer);

// A body that is longer is cut: the application is told that its client is gone.
inline constexpr std::size_t kMostLocalBody = 16 << 20;

// Runs one request through `app` without a connection: warm-up, health check of a new
// worker, tests. `head` is a complete request head, parsed as strictly as any other;
// `body` is the body, decoded. The peer is nobody, the listener the first of `boot`.
// Error: the head is not valid.
Result<LocalAnswer> serve_locally(Application& app, const Boot& boot,
                                  std::string_view head, std::string_view body = {},
                                  std::string_view scheme = "http");

// A GET for it. Error: the target is not fit for a request.
Result<LocalAnswer> get_locally(Application& app, const Boot& boot,
                                const http::LocalTarget& target,
                                std::string_view user_agent = "monodon");

}  // namespace monodon::worker
