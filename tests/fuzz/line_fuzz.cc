// SPDX-License-Identifier: Apache-2.0
// Fuzz target: a line of flags, as a unit, GUNICORN_CMD_ARGS or an operator has it.
#include "cli/flags/serve_line.h"
#include "cli/flags/shell_words.h"
#include "tests/fuzz/target.h"

namespace monodon {
namespace {

std::string quoted(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) {
    line += " '";
    for (const char c : word) c == '\'' ? line += "'\\''" : line += c;
    line += '\'';
  }
  return line;
}

// Half of the time in the environment of a server, where it is split by us.
std::string lost_word(std::string_view input, std::uint32_t seed) {
  auto words = cli::shell_words(input);
  if (!words) return words.error().what.empty() ? "refused without a reason" : "";
  const auto again = cli::shell_words(quoted(words.value()));
  if (!again || again.value() != words.value()) return "quoted words that are others";
  const bool environment = seed % 2 == 1;
  cli::Variables variables;
  if (environment) variables["GUNICORN_CMD_ARGS"] = input;
  const auto line = cli::parse_serve_line(
      environment ? std::vector<std::string>{} : std::move(words).value(), variables);
  if (!line && line.error().message().empty()) return "refused without a reason";
  return {};
}

const fuzz::Target kLineTarget{"line", lost_word};

}  // namespace
}  // namespace monodon
