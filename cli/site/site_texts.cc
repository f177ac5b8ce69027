// SPDX-License-Identifier: Apache-2.0
// Files of a site, read with the rights of whoever keeps them.
#include "cli/site/site_texts.h"

#include <algorithm>
#include <filesystem>

#include "base/files/file_rights.h"
#include "base/files/regular_file.h"

namespace monodon::cli {

namespace fs = std::filesystem;

Result<std::string> read_text(const std::string& path) {
  const ActingAs acting = as_keeper_of(path);
  return read_regular_file(path);
}

std::string script_text(const fs::path& directory, const fs::path& path) {
  constexpr std::uintmax_t kLargest = 256 * 1024;
  const fs::path file = path.is_absolute() ? path : directory / path;
  std::error_code error;
  if (!fs::is_regular_file(file, error) || fs::file_size(file, error) > kLargest)
    return {};
  auto text = read_text(file);
  return text ? std::move(text).value() : std::string{};
}

std::string text_or_nothing(const std::string& path) {
  auto text = read_text(path);
  return text ? std::move(text).value() : std::string{};
}

std::string script_of_container(const fs::path& directory, const std::string& path) {
  for (std::size_t at = path.starts_with('/') ? 1 : 0;;) {
    if (std::string text = script_text(directory, path.substr(at)); !text.empty())
      return text;
    const std::size_t slash = path.find('/', at);
    if (slash == std::string::npos) return {};
    at = slash + 1;
  }
}

void add_usual_file(GunicornService& service) {
  const auto names_one = [](const std::string& word) {
    return word.starts_with("-c") || word.starts_with("--con");
  };
  const auto more = service.environment.find("GUNICORN_CMD_ARGS");
  const bool there = std::ranges::any_of(service.flags, names_one) ||
                     (more != service.environment.end() &&
                      more->second.find("-c") != std::string::npos);
  const std::string usual = service.directory + "/gunicorn.conf.py";
  std::error_code error;
  if (!there && fs::is_regular_file(usual, error))
    service.flags.insert(service.flags.begin(), "--config=" + usual);
}

}  // namespace monodon::cli
