// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "cli/commands.h"
#include "cli/control_client.h"

namespace monodon::cli {

// Asks for what SIGHUP asks for. The answer says that the server has begun; how it ends
// is in the log and in `monodon status`.
int run_reload(const ControlOptions& options) {
  const auto complain = [](const Error& error) {
    std::fprintf(stderr, "monodon reload: %s\n", error.message().c_str());
    return kBadConfiguration;
  };
  const auto path = find_control_socket(options);
  if (!path) return complain(path.error());
  const auto answer =
      ask(path.value(), R"({"op":"reload"})", std::chrono::milliseconds{5000});
  if (!answer) return complain(answer.error());
  std::puts("reload begun; `monodon status` shows the generation that serves");
  return kGood;
}

}  // namespace monodon::cli
