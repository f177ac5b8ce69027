// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cli/flags/environment.h"

namespace monodon::cli {

// What a shell makes of a text, as far as that can be known without running it: the
// commands between ";", "&&", "||", "|", "&" and line ends, in words; comments,
// keywords and redirections are left out. Variables that the text itself sets have
// their value, and ${X:-y} is y. What is not known stays as it is written: "$PORT",
// "$(nproc)".
struct ShellText {
  std::vector<std::vector<std::string>> commands;
  // Of each of them: whether it is run by a condition only (if, case, a loop, a
  // function, "||").
  std::vector<bool> conditional;
  // Before each of them; and which of these another arm of a condition has set.
  std::vector<Variables> known_then;
  std::vector<std::set<std::string>> elsewhere;
  // Set by a condition only, or anew, with the value that is taken for it.
  Variables doubtful;
  Variables exported;
  Variables used;             // of those that were known before
  bool redirects = false;     // some output goes elsewhere
  bool no_arguments = false;  // "$@" stands there, and is nothing
};

// `known`: the environment that it is started in, as far as files tell. `arguments`:
// of the script, without $0, which is `script`; "$@" is none where nobody gives any.
// Never fails: what it cannot read ends with the text. Pure.
[[nodiscard]] ShellText read_shell_text(std::string_view text,
                                        const Variables& known = {},
                                        const std::vector<std::string>& arguments = {},
                                        const std::string& script = {});

}  // namespace monodon::cli
