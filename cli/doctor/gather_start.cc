// SPDX-License-Identifier: Apache-2.0
// Evidence about a start that fails: what a unit names and is not there, lines of its
// environment files that are ignored, and what was said last.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/files/file_rights.h"
#include "base/files/regular_file.h"
#include "base/process/run_program.h"
#include "base/text/text.h"
#include "base/text/trimmed.h"
#include "cli/doctor/gather.h"
#include "cli/flags/shell_words.h"

namespace monodon::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNameStart =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
constexpr std::string_view kNameRest =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

bool is_name(std::string_view text) {
  return !text.empty() && kNameStart.find(text.front()) != std::string_view::npos &&
         text.find_first_not_of(kNameRest) == std::string_view::npos;
}

// Whether a value goes on after its line: in quotes, or behind a backslash.
bool goes_on(std::string_view value, char& quote) {
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (c == '\\') {
      if (i + 1 == value.size()) return true;
      ++i;
    } else if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (c == '"' || c == '\'') {
      quote = c;
    }
  }
  return quote != '\0';
}

// "/a /b" of ReadWritePaths= and its kin, "-" and "+" in front of a path.
void find_absent(Evidence& e, const char* directive) {
  const auto all = shell_words(property(e.service, directive));
  if (!all) return;
  for (std::string path : all.value()) {
    if (path.find('-') == 0 || path.find("+-") == 0) continue;
    path.erase(0, path.find('/'));
    std::error_code error;
    // Its own directories systemd makes before it looks.
    if (path.starts_with('/') && !is_given(e.service, path) &&
        !fs::exists(path, error) && !error)
      e.absent.push_back({directive, path});
  }
}

// EnvironmentFiles of systemctl show: "/path (ignore_errors=no)", again and again.
void look_at_environment(Evidence& e) {
  const std::string all = property(e.service, "EnvironmentFiles");
  std::string_view text = all;
  constexpr std::string_view kMark = " (ignore_errors=";
  for (std::size_t at = 0; (at = text.find(kMark)) != std::string_view::npos;) {
    const std::string path{trimmed_view(text.substr(0, at))};
    text.remove_prefix(at + kMark.size());
    const bool may_lack = text.starts_with("yes");
    text.remove_prefix(std::min(text.find(')') + 1, text.size()));
    std::error_code error;
    if (!fs::exists(path, error)) {
      if (!may_lack && !error) e.absent.push_back({"EnvironmentFile", path});
      continue;
    }
    const ActingAs acting = as_keeper_of(path);
    for (const std::string& line : ignored_lines(read_file(path)))
      e.ignored_lines.push_back(fmt::format("{}:{}", path, line));
  }
}

void look_at_paths(Evidence& e) {
  const std::vector<std::string> words = exec_words(property(e.service, "ExecStart"));
  std::error_code error;
  if (!words.empty() && words[0].starts_with('/') && !fs::exists(words[0], error) &&
      !error)
    e.absent.push_back({"ExecStart", words[0]});
  std::string directory = property(e.service, "WorkingDirectory");
  // "!" is how systemctl show says that it may be missing.
  if (directory.starts_with('/') && !fs::exists(directory, error) && !error)
    e.absent.push_back({"WorkingDirectory", directory});
  for (const char* list : {"ReadWritePaths", "ReadOnlyPaths", "InaccessiblePaths"})
    find_absent(e, list);
}

std::string from_log(const std::string& path) {
  const ActingAs acting = as_keeper_of(path);
  constexpr std::size_t kTail = 65536;
  const auto text = end_of_regular_file(path, kTail);
  return text ? last_words_in(text.value()) : "";
}

}  // namespace

std::vector<std::string> ignored_lines(std::string_view text) {
  std::vector<std::string> found;
  char quote = '\0';
  bool inside = false;
  for (unsigned number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (inside) {
      inside = goes_on(line, quote);
      continue;
    }
    const std::string_view said = trimmed_view(line);
    if (said.empty() || said.front() == '#' || said.front() == ';') continue;
    const std::size_t equals = said.find('=');
    const std::string_view name = trimmed_view(said.substr(0, equals));
    if (equals == std::string_view::npos || !is_name(name))
      // Without '=' it may be half of a secret: not repeated.
      found.push_back(equals == std::string_view::npos
                          ? fmt::format("{}: a line without =", number)
                          : fmt::format("{}: {}", number, name));
    if (equals != std::string_view::npos)
      inside = goes_on(said.substr(equals + 1), quote);
  }
  return found;
}

std::string last_words_in(std::string_view journal) {
  std::string found, otherwise;
  while (!journal.empty()) {
    const std::size_t end = std::min(journal.find('\n'), journal.size());
    const std::string_view line = journal.substr(0, end);
    journal.remove_prefix(std::min(end + 1, journal.size()));
    // An end that nobody explains.
    if (const std::size_t at = line.find(" process exited, code=");
        at != std::string_view::npos)
      otherwise = line.substr(line.rfind(' ', at - 1) + 1);
    for (const std::string_view mark :
         {"cannot start: ", "[CRITICAL] ", "\"level\":\"critical\"", "Failed at step ",
          "Failed to ", "Unable to locate executable"}) {
      const std::size_t at = line.find(mark);
      if (at == std::string_view::npos) continue;
      const bool head = mark.starts_with('[');
      // systemd's sentence that says no more than that there was a failure.
      if (line.find("Failed to start") != std::string_view::npos) continue;
      if (line.find("Failed with result") != std::string_view::npos) continue;
      found = line.substr(head ? at + mark.size() : at);
    }
  }
  return found.empty() ? otherwise : found;
}

void look_at_start(Evidence& e, const Units& units) {
  if (!is_loaded(e.service)) return;
  look_at_paths(e);
  look_at_environment(e);
  if (!keeps_failing(e.service)) return;
  // Of this start, by systemd and by the service.
  const std::string start = property(e.service, "InvocationID");
  std::vector<std::string> words{"journalctl", "-n", "200", "-o", "cat", "--no-pager"};
  words.insert(words.end(),
               {(units.of_user() ? "USER_INVOCATION_ID=" : "INVOCATION_ID=") + start,
                "+", "_SYSTEMD_INVOCATION_ID=" + start});
  const auto journal = run_program(words, std::chrono::seconds{10});
  if (journal) e.last_words = last_words_in(journal.value().output);
  const std::string log = e.settings ? e.settings->worker.error_log : "-";
  if (e.last_words.empty() && log.starts_with('/')) e.last_words = from_log(log);
}

}  // namespace monodon::cli
