// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace monodon::fuzz {

// A reader of what others wrote, and what must hold for any bytes at all. One target is
// one file, tests/fuzz/NAME_fuzz.cc, with one constant of this type, a line in
// tests/meson.build and inputs in tests/fuzz/corpus/NAME. libFuzzer looks for bytes
// that break it (make fuzz); the unit tests run it over its corpus.
struct Target {
  // "" or what does not hold. `seed` chooses limits and cuts.
  using Check = std::string (*)(std::string_view input, std::uint32_t seed);

  Target(std::string_view its_name, Check its_check);

  std::string_view name;
  Check check;

  // The first of `bytes` is the seed, the rest is the input.
  [[nodiscard]] std::string run(std::string_view bytes) const;
};

// All that are linked into this program.
[[nodiscard]] std::vector<Target>& targets();

}  // namespace monodon::fuzz
