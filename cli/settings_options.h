// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <string>
#include <utility>
#include <vector>

#include "master/config.h"
#include "master/gunicorn_flags.h"
#include "master/settings_table.h"

namespace monodon::cli {

// The flags of every setting, and Gunicorn's, on one CLI11 application: that of serve,
// of check, or one that takes GUNICORN_CMD_ARGS apart. Must live as long as the
// application.
class SettingsOptions {
 public:
  explicit SettingsOptions(CLI::App& app);

  // After parsing. What was wrong with the use of flags, a sentence each; then nothing
  // else counts.
  [[nodiscard]] std::vector<std::string> complaints() const;

  [[nodiscard]] std::vector<master::Override> overrides() const;
  [[nodiscard]] std::vector<std::string> notes() const;  // of flags that do nothing
  [[nodiscard]] std::string config_file() const;
  [[nodiscard]] bool check_config() const;  // --check-config
  [[nodiscard]] bool print_config() const;  // --print-config

 private:
  void add_setting(const master::Setting& setting);
  void add_gunicorn_flag(const master::GunicornFlag& flag);
  void complain_about_worker_class(std::vector<std::string>& complaints) const;

  CLI::App& app_;
  std::vector<std::pair<const master::Setting*, CLI::Option*>> settings_;
  std::vector<std::pair<const master::GunicornFlag*, CLI::Option*>> gunicorn_;
  CLI::Option* config_ = nullptr;
  CLI::Option* worker_class_ = nullptr;
  CLI::Option* check_config_ = nullptr;
  CLI::Option* print_config_ = nullptr;
};

}  // namespace monodon::cli
