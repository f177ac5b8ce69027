// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace monodon::scoreboard {

// Texts in shared memory: words, so that a reader races with the writer without
// undefined behaviour, guarded by a version that is odd while they change. For the
// sources of this folder.

using Word = std::atomic<std::uint64_t>;

inline constexpr auto kRelaxed = std::memory_order_relaxed;

// memcpy for short texts of any length: in pieces of constant size, because g++ makes
// `rep movs` of the others, and that costs 40 ns to begin with.
inline void copy_short(char* to, std::string_view text) noexcept {
  const char* from = text.data();
  std::size_t left = text.size();
  const auto piece = [&](auto size) {
    std::memcpy(to, from, size());
    to += size();
    from += size();
    left -= size();
  };
  while (left >= 8) piece(std::integral_constant<std::size_t, 8>{});
  if (left >= 4) piece(std::integral_constant<std::size_t, 4>{});
  if (left >= 2) piece(std::integral_constant<std::size_t, 2>{});
  if (left >= 1) piece(std::integral_constant<std::size_t, 1>{});
}

// NUL-terminated and cut to fit; what an earlier, longer text left behind the NUL is
// for no reader.
inline void store_text(std::span<Word> words, std::string_view text) noexcept {
  const std::size_t size = std::min(text.size(), words.size() * 8 - 1);
  std::size_t i = 0;
  for (; i < size / 8; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + i * 8, 8);
    words[i].store(word, kRelaxed);
  }
  std::array<char, 8> last{};
  copy_short(last.data(), text.substr(i * 8, size % 8));
  words[i].store(std::bit_cast<std::uint64_t>(last), kRelaxed);
}

// Whether store_text() of `text` left this; the owner's own row only.
inline bool holds_text(std::span<const Word> words, std::string_view text) noexcept {
  if (text.size() >= words.size() * 8) return false;
  std::size_t i = 0;
  for (; i < text.size() / 8; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + i * 8, 8);
    if (words[i].load(kRelaxed) != word) return false;
  }
  std::array<char, 8> last{};
  copy_short(last.data(), text.substr(i * 8));
  return words[i].load(kRelaxed) == std::bit_cast<std::uint64_t>(last);
}

// Up to the first NUL, and never more than there is.
inline std::string load_text(std::span<const Word> words) {
  std::string text;
  for (const Word& word : words) {
    const std::uint64_t bits = word.load(kRelaxed);
    std::array<char, 8> bytes{};
    std::memcpy(bytes.data(), &bits, bytes.size());
    const std::size_t size = ::strnlen(bytes.data(), bytes.size());
    text.append(bytes.data(), size);
    if (size < bytes.size()) break;
  }
  return text;
}

// A write that readers see whole or not at all. The version becomes odd also when a
// dead owner left it odd, and even at the end.
class VersionedWrite {
 public:
  explicit VersionedWrite(std::atomic<std::uint32_t>& version) noexcept
      : version_{version}, odd_{version.load(kRelaxed) | 1U} {
    version_.store(odd_, kRelaxed);
    std::atomic_thread_fence(std::memory_order_release);
  }
  ~VersionedWrite() { version_.store(odd_ + 1, std::memory_order_release); }
  VersionedWrite(const VersionedWrite&) = delete;
  VersionedWrite& operator=(const VersionedWrite&) = delete;

 private:
  std::atomic<std::uint32_t>& version_;
  std::uint32_t odd_;
};

// Runs `copy` until it was not disturbed, a few times at most. False: what it copied
// may be half of one text and half of another (the owner died, or is stopped, in a
// write).
template <typename Copy>
bool read_versioned(const std::atomic<std::uint32_t>& version, Copy copy) {
  constexpr int kAttempts = 64;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const std::uint32_t before = version.load(std::memory_order_acquire);
    if (before % 2 != 0) continue;
    copy();
    std::atomic_thread_fence(std::memory_order_acquire);
    if (version.load(kRelaxed) == before) return true;
  }
  return false;
}

// A number that may be anything, as a value of an enum that ends with `last`.
template <typename Enum>
[[nodiscard]] std::optional<Enum> checked(std::uint32_t number, Enum last) noexcept {
  if (number > static_cast<std::uint32_t>(last)) return std::nullopt;
  return static_cast<Enum>(number);
}

}  // namespace monodon::scoreboard
