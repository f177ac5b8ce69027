// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/line/commands.h"
#include "cli/live/commands.h"

namespace monodon::cli {

// The commands that talk to a running server, and ls, with their options.
class LiveCommands {
 public:
  // Adds them to `app`; what they are asked for is in `control` and `top` after
  // parsing.
  LiveCommands(CLI::App& app, ControlOptions& control, TopOptions& top);

  // The one of ours that was chosen, once all of its arguments have been understood.
  [[nodiscard]] std::optional<Command> chosen();
  // What is wrong with its arguments; "" if all is well. After chosen().
  [[nodiscard]] const std::string& complaint() const { return complaint_; }

 private:
  void add_common_options();
  void read_trace_words();
  void read_scale_words();

  ControlOptions& control_;
  CLI::App *status_, *ls_, *reload_, *scale_, *upgrade_, *top_, *trace_;
  std::vector<std::string> words_;  // of trace and scale: a site and numbers
  std::string complaint_;
};

}  // namespace monodon::cli
