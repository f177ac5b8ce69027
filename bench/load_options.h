// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace monodon::bench {

// What the load generator was asked to do; see `load --help`.
struct LoadOptions {
  std::string unix_path;  // or:
  std::string host;
  std::uint16_t port = 0;
  unsigned connections = 64;  // at once
  bool keep_alive = false;
  double rate = 0;  // requests a second, open loop; 0: closed loop
  double seconds = 1;
  std::uint64_t most = 0;  // requests, then stop; 0: until the time is up
  std::string path = "/";
  std::string slow_path;    // instead of `path`, for:
  double slow_percent = 0;  // of the requests
  std::uint64_t body = 0;   // bytes of a POST; 0: GET
  bool vary = false;        // names, values and order of fields differ
};

}  // namespace monodon::bench
