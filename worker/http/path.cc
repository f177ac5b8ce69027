// SPDX-License-Identifier: Apache-2.0
// Paths of requests: percent-decoding, and the part that stands before the
// application's own (SCRIPT_NAME).
#include "worker/http/path.h"

#include <cstdlib>

namespace monodon::http {
namespace {

// -1: not a hexadecimal digit.
int hex(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// Takes one byte off the front of `path`, decoded.
char take_decoded(std::string_view& path) noexcept {
  if (path.front() == '%' && path.size() > 2) {
    const int high = hex(path[1]);
    const int low = hex(path[2]);
    if (high >= 0 && low >= 0) {
      path.remove_prefix(3);
      return static_cast<char>(high * 16 + low);
    }
  }
  const char c = path.front();
  path.remove_prefix(1);
  return c;
}

bool ends_segment(std::string_view rest) noexcept {
  return rest.empty() || take_decoded(rest) == '/';
}

}  // namespace

void percent_decode(std::string_view path, std::string& to) {
  while (!path.empty()) to += take_decoded(path);
}

std::string normal_path(std::string_view encoded) {
  std::string path;
  percent_decode(encoded, path);
  if (!path.starts_with('/') || path.find('\0') != std::string::npos) return {};
  std::string normal;  // "/a/b"
  std::string_view segment;
  for (std::string_view rest = path; !rest.empty();) {
    rest.remove_prefix(1);
    segment = rest.substr(0, rest.find('/'));
    rest.remove_prefix(segment.size());
    if (segment == "..") {
      if (normal.empty()) return {};
      normal.erase(normal.rfind('/'));
    } else if (!segment.empty() && segment != ".") {
      normal.append("/").append(segment);
    }
  }
  if (segment.empty() || segment == "." || segment == "..") normal += '/';
  return normal;
}

bool has_other_spellings(std::string_view encoded) noexcept {
  constexpr auto kNone = std::string_view::npos;
  return encoded.find('%') != kNone || encoded.find("//") != kNone ||
         encoded.find("/.") != kNone;
}

bool has_hidden_name(std::string_view path) noexcept {
  return path.starts_with('.') || path.find("/.") != std::string_view::npos;
}

std::string_view file_name_in(std::string_view below) noexcept {
  if (!below.starts_with('/') || below.ends_with('/') || has_hidden_name(below))
    return {};
  return below.substr(1);
}

std::optional<std::string_view> path_below(std::string_view prefix,
                                           std::string_view path) noexcept {
  if (prefix.empty()) return path;
  if (path.starts_with(prefix) && ends_segment(path.substr(prefix.size())))
    return path.substr(prefix.size());
  for (const char c : prefix)
    if (path.empty() || take_decoded(path) != c) return std::nullopt;
  return ends_segment(path) ? std::optional{path} : std::nullopt;
}

std::string_view script_name_of(std::string_view text) noexcept {
  while (text.ends_with('/')) text.remove_suffix(1);
  return text;
}

Result<std::string> script_name_of_environment() {
  const char* const given = std::getenv("SCRIPT_NAME");
  const std::string_view text = given == nullptr ? "" : given;
  if (!text.empty() && text.front() != '/') {
    return Error{"SCRIPT_NAME in the environment: \"" + std::string{text} +
                     "\" is not a path; it begins with \"/\", or is not set",
                 0};
  }
  return std::string{script_name_of(text)};
}

}  // namespace monodon::http
