// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/flags/environment.h"

namespace monodon::cli {

// Which unit a line is of, for its specifiers.
struct UnitName {
  std::string full;  // "site@shop.service"
  std::string user;  // of User=; "" is root

  [[nodiscard]] std::string prefix() const;    // %p: "site"
  [[nodiscard]] std::string instance() const;  // %I: "shop"; "" of a template
};

// Specifiers of systemd.unit(5) in a system service: "%%" is "%", "%i" the instance.
// What only the running system knows stays as it is, and is named in `unknown`.
[[nodiscard]] std::string without_specifiers(std::string_view text,
                                             const UnitName& unit,
                                             std::vector<std::string>& unknown);

// A line of ExecStart=, as systemd.service(5) takes it apart.
struct ExecLine {
  std::vector<std::string> words;      // the program first
  std::vector<std::string> variables;  // that were replaced by their values
  std::vector<std::string>
      unknown;  // specifiers that are left; variables without value
};

// Prefixes ("-", "@"), quotes, specifiers, and variables of the unit: ${A} anywhere, $A
// as a word of its own, "$$" for "$". An unset one is nothing, as there. Pure.
[[nodiscard]] ExecLine read_exec_line(std::string_view line, const UnitName& unit,
                                      const Variables& variables);

// Adds what a line of Environment= sets.
void add_environment(std::string_view line, const UnitName& unit, Variables& variables);

// Adds what a file of EnvironmentFile= sets, by its text.
void add_environment_file(std::string_view text, Variables& variables);

}  // namespace monodon::cli
