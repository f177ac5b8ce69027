// SPDX-License-Identifier: Apache-2.0
// From flags and environment to what the configuration is loaded by.
#include "cli/flags/serve_line.h"

#include <utility>

namespace monodon::cli {

std::vector<std::string> complete_line(Flags flags, const Variables& variables,
                                       master::CommandLine& line) {
  if (!flags.complaints.empty()) return std::move(flags.complaints);
  line.config_file = std::move(flags.config_file);
  line.arguments = std::move(flags.overrides);
  line.notes = std::move(flags.notes);
  line.warnings = std::move(flags.warnings);
  return apply_environment(variables, line);
}

Result<master::CommandLine> parse_serve_line(std::vector<std::string> words,
                                             const Variables& variables) {
  auto flags = parse_flags(std::move(words));
  if (!flags) return flags.error();
  master::CommandLine line;
  const auto complaints = complete_line(std::move(flags).value(), variables, line);
  if (complaints.empty()) return line;
  std::string all;
  for (const std::string& complaint : complaints) {
    if (!all.empty()) all += "; ";
    all += complaint;
  }
  return Error{all};
}

}  // namespace monodon::cli
