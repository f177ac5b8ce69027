// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <string>

#include "cli/command_line.h"

namespace monodon::cli {

// The commands about a site as a whole: import, init and doctor. Fills `asked`, which
// must live as long as the application, as must this.
class SiteCommands {
 public:
  SiteCommands(CLI::App& app, Invocation& asked);

  // After parsing. Whether one of them was given; asked.command is set then.
  bool chosen();
  // What was wrong with its use; "" = nothing.
  [[nodiscard]] std::string complaint() const;

 private:
  void add_init_options();

  Invocation& asked_;
  CLI::App* importer_;
  CLI::App* init_;
  CLI::App* doctor_;
};

}  // namespace monodon::cli
