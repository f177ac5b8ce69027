// SPDX-License-Identifier: Apache-2.0
// Numbers, durations and sizes, read strictly.
#include "base/text/number.h"

#include <array>
#include <charconv>
#include <span>

namespace monodon {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Largest first: formatting takes the first that divides.
constexpr std::array<Unit, 5> kDurations{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 5> kSizes{{{"T", 1ULL << 40U},
                                      {"G", 1ULL << 30U},
                                      {"M", 1ULL << 20U},
                                      {"K", 1ULL << 10U},
                                      {"", 1}}};

constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();

// from_chars takes no sign for unsigned types, no space and no prefix, which is why
// it is the one that is used for foreign text.
std::optional<std::uint64_t> digits(std::string_view text, int base) noexcept {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, base);
  if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> scaled(std::string_view number,
                                    std::uint64_t factor) noexcept {
  const auto value = digits(number, 10);
  if (!value || *value > kLargest / factor) return std::nullopt;
  return *value * factor;
}

std::string_view number_part(std::string_view text) noexcept {
  return text.substr(0, text.find_first_not_of("0123456789"));
}

std::string format(std::uint64_t value, std::span<const Unit> units,
                   std::string_view of_zero) {
  if (value == 0) return std::string{of_zero};
  for (const Unit& unit : units)
    if (value % unit.factor == 0)
      return std::to_string(value / unit.factor) + std::string{unit.name};
  return std::to_string(value);
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text,
                                          std::uint64_t largest) noexcept {
  const auto value = digits(text, 10);
  return value && *value <= largest ? value : std::nullopt;
}

std::optional<std::uint32_t> parse_octal(std::string_view text) noexcept {
  if (text.starts_with("0o")) text.remove_prefix(2);
  const auto value = digits(text, 8);
  if (!value || *value > 07777) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

std::optional<std::uint64_t> parse_duration_ms(std::string_view text) noexcept {
  const std::string_view number = number_part(text);
  const std::string_view name = text.substr(number.size());
  if (name.empty()) return scaled(number, 1'000);
  for (const Unit& unit : kDurations)
    if (name == unit.name) return scaled(number, unit.factor);
  return std::nullopt;
}

std::optional<std::uint64_t> parse_size(std::string_view text) noexcept {
  const std::string_view number = number_part(text);
  const std::string_view name = text.substr(number.size());
  if (name.size() > 1) return std::nullopt;
  for (const Unit& unit : kSizes) {
    const bool same =
        name == unit.name || (!name.empty() && !unit.name.empty() &&
                              name[0] == static_cast<char>(unit.name[0] - 'A' + 'a'));
    if (same) return scaled(number, unit.factor);
  }
  return std::nullopt;
}

std::string format_duration_ms(std::uint64_t ms) {
  return format(ms, kDurations, "0");
}

std::string format_size(std::uint64_t bytes) {
  return format(bytes, kSizes, "0");
}

}  // namespace monodon
