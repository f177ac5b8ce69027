// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <optional>
#include <string>

#include "cli/doctor/commands.h"
#include "cli/line/commands.h"
#include "cli/site/commands.h"

namespace monodon::cli {

// Where their options go. Must live as long as the application.
struct SiteOptions {
  ImportOptions import;
  InitOptions init;
  DoctorOptions doctor;
};

// The commands about a site as a whole: import, init and doctor. Fills `asked`; lives
// as long as the application.
class SiteCommands {
 public:
  SiteCommands(CLI::App& app, SiteOptions& asked);

  // After parsing: the one that was given, if it is one of these.
  std::optional<Command> chosen();
  // What was wrong with its use; "" = nothing.
  [[nodiscard]] std::string complaint() const;

 private:
  void add_init_options();

  SiteOptions& asked_;
  CLI::App* importer_;
  CLI::App* init_;
  CLI::App* doctor_;
};

}  // namespace monodon::cli
