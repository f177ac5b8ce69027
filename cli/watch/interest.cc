// SPDX-License-Identifier: Apache-2.0
// What is code of an application, told by names alone.
#include "cli/watch/interest.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>

namespace monodon::cli {
namespace {

constexpr std::array<std::string_view, 11> kSuffixes{
    ".py",     ".so",  ".html", ".htm", ".jinja", ".jinja2",
    ".djhtml", ".tpl", ".mako", ".j2",  ".mo"};
constexpr std::array<std::string_view, 4> kNeverEntered{
    "__pycache__", "node_modules", "site-packages", "dist-packages"};

// What follows `directory` in `path`; "" if it is not below it.
std::string_view below(std::string_view directory, std::string_view path) {
  if (!path.starts_with(directory)) return {};
  path.remove_prefix(directory.size());
  if (directory == "/") return path;
  return path.starts_with('/') ? path.substr(1) : std::string_view{};
}

bool is_temporary(std::string_view name) {
  return name.starts_with('.') || name.starts_with('#') || name.ends_with('~') ||
         name.ends_with(".tmp") || name.ends_with(".swp");
}

bool is_code(std::string_view relative) {
  const std::string_view name = relative.substr(relative.rfind('/') + 1);
  if (name == ".env") return true;
  if (is_temporary(name)) return false;
  const bool template_of_any_kind =
      relative.starts_with("templates/") ||
      relative.find("/templates/") != std::string_view::npos;
  return template_of_any_kind ||
         std::ranges::any_of(kSuffixes, [&](auto s) { return name.ends_with(s); });
}

// Directories on the way that hold no code of the application's own.
bool is_left_out(std::string_view relative) {
  while (!relative.empty()) {
    const std::string_view part = relative.substr(0, relative.find('/'));
    if (part.starts_with('.') ||
        std::ranges::find(kNeverEntered, part) != kNeverEntered.end())
      return true;
    relative.remove_prefix(std::min(part.size() + 1, relative.size()));
  }
  return false;
}

// "/conf/**/*.toml" as "/conf/*.toml": ** stands for no directory as well.
std::string without_deep_part(std::string glob) {
  constexpr std::string_view kDeep = "/**/";
  for (std::size_t at = 0; (at = glob.find(kDeep, at)) != std::string::npos;)
    glob.replace(at, kDeep.size(), "/");
  return glob;
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Interest::Interest(std::vector<std::string> roots,
                   const std::vector<std::string>& patterns)
    : roots_{std::move(roots)} {
  for (const std::string& root : roots_) begin_at(root);
  for (const std::string& text : patterns) {
    const Pattern& pattern = patterns_.emplace_back(pattern_of(text));
    begin_at(pattern.glob.empty() ? parent_of(pattern.base) : pattern.base);
  }
}

Interest::Pattern Interest::pattern_of(const std::string& text) {
  const std::size_t wild = text.find_first_of("*?[");
  if (wild == std::string::npos) return {text, "", true};
  const std::size_t slash = text.rfind('/', wild);
  return {slash == 0 ? "/" : text.substr(0, slash), text,
          text.find("**") != std::string::npos};
}

void Interest::begin_at(const std::string& directory) {
  if (std::ranges::find(starts_, directory) == starts_.end())
    starts_.push_back(directory);
}

bool Interest::add_file(const std::string& path) {
  if (wants_file(path)) return false;
  files_.insert(path);
  begin_at(parent_of(path));
  return true;
}

bool Interest::wants_file(const std::string& path) const {
  if (files_.contains(path)) return true;
  for (const std::string& root : roots_) {
    const std::string_view relative = below(root, path);
    const std::size_t slash = relative.rfind('/');
    const std::string_view directory =
        slash == std::string_view::npos ? "" : relative.substr(0, slash);
    if (!relative.empty() && is_code(relative) && !is_left_out(directory)) return true;
  }
  return std::ranges::any_of(patterns_, [&](const Pattern& pattern) {
    if (pattern.glob.empty())
      return path == pattern.base || !below(pattern.base, path).empty();
    const int flags = pattern.deep ? 0 : FNM_PATHNAME;
    return ::fnmatch(pattern.glob.c_str(), path.c_str(), flags) == 0 ||
           (pattern.deep && ::fnmatch(without_deep_part(pattern.glob).c_str(),
                                      path.c_str(), flags) == 0);
  });
}

bool Interest::enters(const std::string& directory) const {
  for (const std::string& root : roots_) {
    const std::string_view relative = below(root, directory);
    if (directory == root || (!relative.empty() && !is_left_out(relative))) return true;
  }
  return std::ranges::any_of(patterns_, [&](const Pattern& pattern) {
    if (directory == pattern.base) return true;
    if (below(pattern.base, directory).empty()) return false;
    // With "/conf/*.toml" there is nothing below /conf to be seen.
    const std::string_view rest = below(pattern.base, pattern.glob);
    return pattern.deep || rest.find('/') != std::string_view::npos;
  });
}

}  // namespace monodon::cli
