// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace monodon::http {

// Percent-decoding of a path (RFC 3986 2.1); a "%" that begins no pair of hexadecimal
// digits stays as it is. Appends to `to`. Pure.
void percent_decode(std::string_view path, std::string& to);

// A path as proxies compare it with their locations: decoded, and without ".", ".." and
// doubled slashes; a slash at the end stays. "": ways out of the root, a NUL. Pure.
[[nodiscard]] std::string normal_path(std::string_view encoded);

// Whether a path may be another one than normal_path() of it. Pure.
[[nodiscard]] bool has_other_spellings(std::string_view encoded) noexcept;

// The name of a file below a directory, for what follows the directory's prefix in a
// normal path. "": what is never a file of it: names that begin with a dot, and
// directories. Pure.
[[nodiscard]] std::string_view file_name_in(std::string_view below) noexcept;

// Whether a name in `path` begins with a dot. Pure.
[[nodiscard]] bool has_hidden_name(std::string_view path) noexcept;

// What follows `prefix` in `path`, or nothing where the path is not below it. Both are
// compared as they are, and with the path decoded (a proxy compares the decoded one).
// The prefix ends at the end of a segment: "/app" is no prefix of "/apple". Pure; the
// result is a view into `path`, not decoded.
[[nodiscard]] std::optional<std::string_view> path_below(
    std::string_view prefix, std::string_view path) noexcept;

// SCRIPT_NAME as PEP 3333 has it: "" or "/a/b", without the slashes at the end that
// people write. Pure; a view into `text`.
[[nodiscard]] std::string_view script_name_of(std::string_view text) noexcept;

// That of the environment variable SCRIPT_NAME, as Gunicorn reads it: the prefix of
// every path of the site. Zygote and worker, after the application was loaded, which
// may set it. An Error: it is no path.
[[nodiscard]] Result<std::string> script_name_of_environment();

}  // namespace monodon::http
