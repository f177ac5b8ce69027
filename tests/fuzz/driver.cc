// SPDX-License-Identifier: Apache-2.0
// One fuzz target as a program of clang's libFuzzer; scripts/fuzz runs it.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto& target = monodon::fuzz::targets().front();
  const std::string problem = target.run({reinterpret_cast<const char*>(data), size});
  if (!problem.empty()) {
    (void)std::fprintf(stderr, "%s: %s\n", target.name.data(), problem.c_str());
    std::abort();
  }
  return 0;
}
