// SPDX-License-Identifier: Apache-2.0
#include "master/serve.h"

#include "cli/commands.h"

namespace monodon::cli {

int run_serve(const master::CommandLine& line) {
  const master::ConfigResult result = master::load_config(line);
  if (!result.config) return report_problems(result);
  return master::serve(*result.config);
}

}  // namespace monodon::cli
