// SPDX-License-Identifier: Apache-2.0
// libFuzzer over everything that reads bytes of a client or of an application.
//
//   CXX=clang++ meson setup build-fuzz -Dfuzz=true
//   ninja -C build-fuzz tests/http-fuzz
//   build-fuzz/tests/http-fuzz -max_len=2048 -max_total_time=180
//
// The first byte chooses what is fed, the second limits and cuts, the rest is input.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/support/cpp/http_invariants.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace monodon;
  if (size < 2) return 0;
  const std::string_view input{reinterpret_cast<const char*>(data) + 2, size - 2};
  std::string problem;
  switch (data[0] % 4) {
    case 0:
      problem = test::broken_chunked(input, data[1]);
      break;
    case 1:
      problem = test::broken_response(input);
      break;
    case 2:
      problem = test::broken_origin(input, data[1]);
      break;
    default:
      problem = test::broken_head(input, data[1]);
      break;
  }
  if (!problem.empty()) {
    (void)std::fprintf(stderr, "%s\n", problem.c_str());
    std::abort();
  }
  return 0;
}
