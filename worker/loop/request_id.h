// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

namespace monodon::worker {

// Makes ids for requests that came without one: 128 bits that do not repeat, but may
// be guessed by who has seen some (xoshiro256**, no system call each). Not a secret.
//
// One object for one thread. Make it, or reseed() it, after the last fork: copies of
// one object give the same ids.
class RequestIds {
 public:
  using Id = std::array<char, 32>;  // lower-case hexadecimal, no NUL

  RequestIds() noexcept { reseed(); }
  void reseed() noexcept;
  void make(Id& to) noexcept;

 private:
  std::uint64_t next() noexcept;
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace monodon::worker
