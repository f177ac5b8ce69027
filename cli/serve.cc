// SPDX-License-Identifier: Apache-2.0
// monodon serve: reads the configuration and becomes the master.
#include "master/serve.h"

#include "cli/line/commands.h"
#include "master/handover/upgrade.h"

namespace monodon::cli {

int run_serve(const master::CommandLine& line) {
  const master::ConfigResult result = master::load_config(line);
  if (!result.config) {
    (void)report_problems(result);
    return result.exit_status;
  }
  if (const auto answered = master::answer_question()) return *answered;
  return master::serve(*result.config);
}

}  // namespace monodon::cli
