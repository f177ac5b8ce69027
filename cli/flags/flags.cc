// SPDX-License-Identifier: Apache-2.0
// Settings that flags ask for, in our words or in Gunicorn's.
#include "cli/flags/flags.h"

#include <algorithm>

#include "cli/flags/argparse.h"
#include "cli/flags/settings_options.h"

namespace monodon::cli {

Result<Flags> parse_flags(std::vector<std::string> words) {
  CLI::App app;
  app.set_help_flag();
  const SettingsOptions options{app};
  auto line = read_like_argparse(app, words);
  if (!line) return line.error();
  words = std::move(line.value().words);
  try {
    std::reverse(words.begin(), words.end());  // so CLI11 wants them
    app.parse(std::move(words));
  } catch (const CLI::ParseError& e) {
    return Error{e.what()};
  }
  Flags flags = options.flags();
  flags.notes.insert(flags.notes.end(), line.value().notes.begin(),
                     line.value().notes.end());
  return flags;
}

}  // namespace monodon::cli
