// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace monodon {

// Numbers in foreign text. The whole text must be the number: ASCII digits only, no
// sign, no space, no prefix, no separator. Empty: it is not one, or does not fit.
// Pure.

[[nodiscard]] std::optional<std::uint64_t> parse_number(
    std::string_view text,
    std::uint64_t largest = std::numeric_limits<std::uint64_t>::max()) noexcept;

// File modes and umasks: "660", "0660", "0o660"; at most 07777.
[[nodiscard]] std::optional<std::uint32_t> parse_octal(std::string_view text) noexcept;

// Milliseconds of one number with one unit: "500ms", "30s", "5m", "2h", "1d". A bare
// number is seconds, as in Gunicorn's settings.
[[nodiscard]] std::optional<std::uint64_t> parse_duration_ms(
    std::string_view text) noexcept;

// Bytes of one number with one unit, in powers of 1024: "64K", "10M", "2G", "1T",
// lower case too. A bare number is bytes.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text) noexcept;

// The largest unit that says it exactly: "1500ms", "30s", "5m"; "64K", "100". What the
// functions above read back.
[[nodiscard]] std::string format_duration_ms(std::uint64_t ms);
[[nodiscard]] std::string format_size(std::uint64_t bytes);

}  // namespace monodon
