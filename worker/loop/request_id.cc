// SPDX-License-Identifier: Apache-2.0
// Request ids that no other worker gives.
#include "worker/loop/request_id.h"

#include <sys/random.h>
#include <unistd.h>

#include <bit>

#include "base/clock.h"

namespace monodon::worker {

void RequestIds::reseed() noexcept {
  // Up to 256 bytes come whole or not at all (getrandom(2)); where a sandbox refuses,
  // time and pid still tell processes apart.
  if (::getrandom(state_.data(), sizeof state_, 0) !=
      static_cast<ssize_t>(sizeof state_)) {
    state_ = {monotonic_ns(), static_cast<std::uint64_t>(::getpid()),
              0x9e3779b97f4a7c15U, 1};
    for (int i = 0; i < 16; ++i) (void)next();
  }
  state_[3] |= 1;  // all zero would stay so for ever
}

// xoshiro256**, Blackman and Vigna, 2018 (public domain algorithm).
std::uint64_t RequestIds::next() noexcept {
  auto& [a, b, c, d] = state_;
  const std::uint64_t result = std::rotl(b * 5, 7) * 9;
  const std::uint64_t shifted = b << 17;
  c ^= a;
  d ^= b;
  b ^= c;
  a ^= d;
  c ^= shifted;
  d = std::rotl(d, 45);
  return result;
}

void RequestIds::make(Id& to) noexcept {
  constexpr char digits[] = "0123456789abcdef";
  for (std::size_t i = 0; i < to.size();) {
    std::uint64_t bits = next();
    for (int n = 0; n < 16; ++n, bits >>= 4) to[i++] = digits[bits & 15U];
  }
}

}  // namespace monodon::worker
