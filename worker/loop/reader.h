// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>

#include "worker/loop/connection.h"
#include "worker/loop/moment.h"
#include "worker/wire/settings.h"

namespace monodon::worker {

// recv(2) without waiting and without EINTR: bytes, 0 at the end, -1 with errno. Its
// owner. Who sends descriptors along is cut off, with EPROTO.
ssize_t receive(Connection& c, char* to, std::size_t size);

// Reads one request from a connection, as far as its bytes are there. It never waits,
// and never reads more than is needed but what comes along with a head.
//
// Used by whoever leads; there is one, for its buffer is shared by all connections.
class Reader {
 public:
  enum class Outcome : std::uint8_t {
    wait,     // everything that arrived is used; more is needed
    yield,    // much was read; others first
    whole,    // head and body are complete: Stage::ready
    refused,  // `refusal` says why; nothing more of this connection is a request
    closed,   // the client is gone, or went away in the middle of a request
  };

  // All of them outlive the reader.
  Reader(const Settings& settings, const http::Forwarding& forwarding, Moment& moment);

  Outcome advance(Connection& connection);
  [[nodiscard]] const http::ParseError& refusal() const noexcept { return refusal_; }

 private:
  static constexpr std::size_t kScratch = 64 * 1024;
  static constexpr std::size_t kTurn = 1024 * 1024;

  Outcome preface(Connection& c);
  Outcome head(Connection& c);
  // More of the input; false: `outcome` says what that means.
  static bool fill(Connection& c, Outcome& outcome);
  Outcome begin_body(Connection& c);
  Outcome body_from_input(Connection& c);
  Outcome body(Connection& c);
  Outcome feed(Connection& c, std::string_view bytes, std::size_t& used);
  Outcome store(Connection& c, std::string_view bytes);
  Outcome linger(Connection& c);
  Outcome refuse(int status, const char* reason);
  Outcome refuse_body();
  [[nodiscard]] bool exceeds_limit(std::uint64_t have,
                                   std::uint64_t more) const noexcept;

  const Settings& settings_;
  const http::Forwarding& forwarding_;
  Moment& moment_;
  http::HeadLimits limits_;
  http::ParseError refusal_;
  std::unique_ptr<char[]> scratch_;
};

}  // namespace monodon::worker
