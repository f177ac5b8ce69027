// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace monodon::cli {

// A flag of Gunicorn that is none of our settings. A harmless one is accepted, with
// `answer` as a note in the log: the service behaves as its owner expects without it.
// Any other ends the program with status 2 and the answer: going on would leave out
// something that was asked for.
struct GunicornFlag {
  std::string_view names;  // "-D,--daemon"
  bool takes_value = false;
  bool harmless = false;
  std::string_view answer;  // follows "--daemon: "

  // The long name. CLI11 has none for an option that --help does not show.
  [[nodiscard]] constexpr std::string_view name() const {
    return names.substr(names.find("--"), names.find(',', names.find("--")) -
                                              names.find("--"));
  }
};

[[nodiscard]] std::span<const GunicornFlag> gunicorn_flags();

}  // namespace monodon::cli
