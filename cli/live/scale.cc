// SPDX-License-Identifier: Apache-2.0
// monodon scale: another number of workers, until the next reload.
#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/live/commands.h"
#include "cli/live/control_client.h"
#include "cli/live/control_finder.h"

namespace monodon::cli {

// Asks for what SIGTTIN and SIGTTOU do by one.
int run_scale(const ControlOptions& options) {
  const auto complain = [](const Error& error) {
    std::fprintf(stderr, "monodon scale: %s\n", error.message().c_str());
    return kBadConfiguration;
  };
  const auto path = find_control_socket(options);
  if (!path) return complain(path.error());
  const auto answer = ask(
      path.value(), fmt::format(R"({{"op":"scale","workers":{}}})", options.workers),
      std::chrono::milliseconds{5000});
  if (!answer) return complain(answer.error());
  const auto json = nlohmann::json::parse(answer.value().line, nullptr, false);
  if (!json.is_object() || !json.contains("before") ||
      !json["before"].is_number_unsigned())
    return complain(Error{"the server's answer makes no sense"});
  std::puts(fmt::format("{} {} wanted, was {}; the next reload brings back the "
                        "configured number",
                        options.workers, options.workers == 1 ? "worker" : "workers",
                        json["before"].get<std::uint64_t>())
                .c_str());
  return kGood;
}

}  // namespace monodon::cli
