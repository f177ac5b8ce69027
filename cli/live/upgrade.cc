// SPDX-License-Identifier: Apache-2.0
// monodon upgrade: asks for one and waits for the new version.
#include <poll.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/live/commands.h"
#include "cli/live/control_client.h"
#include "cli/live/control_finder.h"

namespace monodon::cli {

namespace {

using namespace std::chrono_literals;

// A reload that is under way comes first, and may take its boot_timeout.
constexpr auto kPatience = 90s;

Result<nlohmann::json> ask_json(const std::string& path, const char* line) {
  const auto answer = ask(path, line, 10s);
  if (!answer) return answer.error();
  auto json = nlohmann::json::parse(answer.value().line, nullptr, false);
  if (!json.is_object() || !json.contains("upgrades") ||
      !json["upgrades"].is_number_unsigned())
    return Error{"the server's answer makes no sense"};
  return json;
}

}  // namespace

// Asks for what SIGUSR2 asks for, and waits until the new program answers.
int run_upgrade(const ControlOptions& options) {
  const auto complain = [](const Error& error) {
    std::fprintf(stderr, "monodon upgrade: %s\n", error.message().c_str());
    return kBadConfiguration;
  };
  const auto path = find_control_socket(options);
  if (!path) return complain(path.error());
  const auto asked = ask_json(path.value(), R"({"op":"upgrade"})");
  if (!asked) return complain(asked.error());
  const auto before = asked.value()["upgrades"].get<std::uint64_t>();
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < end) {
    // While one program follows the other nobody answers for a moment.
    const auto status = ask_json(path.value(), R"({"op":"status"})");
    if (status && status.value()["upgrades"].get<std::uint64_t>() > before) {
      const auto version = status.value().value("version", std::string{"?"});
      std::printf(
          "monodon %s has taken over; its workers follow, see `monodon status`\n",
          version.c_str());
      return kGood;
    }
    (void)::poll(nullptr, 0, 50);
  }
  return complain(Error{"the new program has not taken over; the log says why"});
}

}  // namespace monodon::cli
