// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace monodon {

// Makes foreign text harmless in logs. All of these append to `to`. Pure.

// Printable ASCII stays; '"' and '\' get a backslash; every other byte is \xNN. One
// field of a line, between quotes or bare.
void append_escaped(std::string& to, std::string_view text);

// As append_escaped, and a space is \x20: a field that nothing encloses.
void append_word(std::string& to, std::string_view text);

// The same two, to where escaped_room(text.size()) bytes are free; the end of what was
// written.
[[nodiscard]] char* put_escaped(char* to, std::string_view text) noexcept;
[[nodiscard]] char* put_word(char* to, std::string_view text) noexcept;
[[nodiscard]] constexpr std::size_t escaped_room(std::size_t size) noexcept {
  return 4 * size + 16;
}

// As append_escaped, but without touching quotes and backslashes, and valid UTF-8 stays
// unless it is a control or changes the direction of writing (U+202A..E, U+2066..9).
// For sentences of ours that people read.
void append_printable(std::string& to, std::string_view text);

// A JSON string with its quotes (RFC 8259). Valid UTF-8 stays; a byte that is not
// part of it becomes the four characters \xNN, so that the line stays valid JSON.
void append_json(std::string& to, std::string_view text);

// Length of the UTF-8 sequence (RFC 3629: shortest form, no surrogates) at the start
// of `text`; 0 when there is none.
[[nodiscard]] std::size_t utf8_length(std::string_view text) noexcept;

}  // namespace monodon
