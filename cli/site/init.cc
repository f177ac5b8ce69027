// SPDX-License-Identifier: Apache-2.0
// monodon init: writes the files of a site, and says what to do with them.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <optional>
#include <utility>

#include "base/files/file_rights.h"
#include "base/files/regular_file.h"
#include "base/process/run_program.h"
#include "base/text/say.h"
#include "cli/site/commands.h"
#include "cli/site/site_defaults.h"

namespace monodon::cli {
namespace {

namespace fs = std::filesystem;

// Root writes with the rights of whoever owns the directory, so that no link there
// leads to another file. Here it has no one user to be.
Outcome check_place(const fs::path& path) {
  if (::geteuid() != 0) return ok();
  const auto foreign = foreign_on_way(path);
  if (!foreign || foreign->uid) return ok();
  return Error{fmt::format("write {}: others than root may write to {}; name another "
                           "directory with --output",
                           path.string(), foreign->place),
               0};
}

std::optional<std::string> read_file(const fs::path& path) {
  const ActingAs acting = as_keeper_of(path);
  auto text = read_regular_file(path);
  if (!text) return std::nullopt;
  return std::move(text).value();
}

// What would change, as a person reads it.
std::string difference(const fs::path& path, const std::string& text) {
  const fs::path draft = path.string() + ".new";
  const auto keeper = keeper_of(path);
  {
    const ActingAs acting = as_keeper_of(path);
    if (auto written = write_regular_file(draft, text); !written)
      return written.error().message() + "\n";
  }
  const auto done =
      run_program({"diff", "-u", path.string(), draft.string()},
                  std::chrono::seconds{10}, {}, keeper ? &*keeper : nullptr);
  const ActingAs acting = as_keeper_of(path);
  std::error_code ignored;
  fs::remove(draft, ignored);
  return done ? done.value().output : done.error().message() + "\n";
}

bool may_overwrite() {
  if (::isatty(STDIN_FILENO) == 0) {
    say("nothing was written; --yes writes without asking");
    return false;
  }
  std::fputs("Write these changes? [y/N] ", stderr);
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

// mkdir(2) follows no link, so that root may make one where everybody may (/tmp).
void make_directory(const fs::path& path) {
  std::error_code error;
  if (path.empty() || fs::exists(path, error)) return;
  make_directory(path.parent_path());
  const ActingAs acting = as_keeper_of(path);
  fs::create_directory(path, error);
}

Outcome write(const fs::path& path, const SiteFile& file) {
  make_directory(path.parent_path());
  if (auto good = check_place(path); !good) return good;
  std::error_code error;
  {
    const ActingAs acting = as_keeper_of(path);
    if (auto written = write_regular_file(path, file.text); !written) return written;
    if (file.executable) fs::permissions(path, fs::perms{0755}, error);
  }
  if (read_file(path) != file.text) return Error{"write " + path.string(), 0};
  return ok();
}

}  // namespace

int run_init(const InitOptions& options) {
  Site site = options.site;
  complete_site(site);
  const std::vector<std::string> problems = check_site(site);
  for (const std::string& problem : problems) say("monodon init: " + problem);
  if (!problems.empty()) return kBadConfiguration;

  std::vector<std::pair<fs::path, SiteFile>> wanted;
  bool asks = false;
  for (SiteFile& file : site_files(site)) {
    fs::path path = fs::path{options.output} / file.name;
    const auto before = read_file(path);
    if (before == file.text) continue;
    if (before) {
      std::fputs(difference(path, file.text).c_str(), stdout);
      asks = true;
    }
    wanted.emplace_back(std::move(path), std::move(file));
  }
  std::fflush(stdout);
  if (asks && !options.yes && !may_overwrite()) return kBadConfiguration;
  for (const auto& [path, file] : wanted) {
    if (const Outcome written = write(path, file); !written) {
      say("monodon init: " + written.error().message());
      return kBadConfiguration;
    }
    say("wrote " + path.string());
  }
  if (wanted.empty()) say("every file is there already and says the same");
  if (site.certificate.empty()) {
    say("note: no certificate was found, so nginx's file is for plain HTTP; name one "
        "with "
        "--certificate and --certificate-key");
  }
  return kGood;
}

}  // namespace monodon::cli
