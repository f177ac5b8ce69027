// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cli/flags/flags.h"
#include "master/config/gunicorn_flags.h"
#include "master/config/table.h"

namespace monodon::cli {

// The flags of every setting, and Gunicorn's, on one CLI11 application: that of serve,
// of check, or one for flags that are written elsewhere. Must live as long as the
// application.
class SettingsOptions {
 public:
  // usual: what the command sets itself, which --help tells as the default.
  explicit SettingsOptions(CLI::App& app,
                           const std::vector<master::Override>& usual = {});

  // After parsing.
  [[nodiscard]] Flags flags() const;
  [[nodiscard]] bool check_config() const;  // --check-config
  [[nodiscard]] bool print_config() const;  // --print-config

 private:
  void add_setting(const master::Setting& setting, const std::string& usual);
  void add_gunicorn_flag(const master::GunicornFlag& flag);
  void complain_about_worker_class(std::vector<std::string>& complaints) const;
  [[nodiscard]] std::vector<std::string> complaints() const;
  [[nodiscard]] std::string meant_by(const std::string& name,
                                     const std::string& setting) const;
  void add_overrides(Flags& flags) const;
  void tell_gunicorn_flags(Flags& flags) const;

  CLI::App& app_;
  std::vector<std::pair<const master::Setting*, CLI::Option*>> settings_;
  std::vector<std::pair<const master::GunicornFlag*, CLI::Option*>> gunicorn_;
  CLI::Option* config_ = nullptr;
  CLI::Option* worker_class_ = nullptr;
  CLI::Option* check_config_ = nullptr;
  CLI::Option* print_config_ = nullptr;
};

}  // namespace monodon::cli
