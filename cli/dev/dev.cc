// SPDX-License-Identifier: Apache-2.0
// `monodon dev`: from a directory with code to a page in the browser.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "base/text/colour.h"
#include "base/text/say.h"
#include "cli/dev/chosen_application.h"
#include "cli/dev/commands.h"
#include "cli/dev/dev_settings.h"
#include "master/handover/upgrade.h"
#include "master/serve.h"

namespace monodon::cli {
namespace {

constexpr std::uint16_t kPort = 8000;

int complain(const std::string& text) {
  say("monodon dev: " + text);
  return kBadConfiguration;
}

std::string painted(std::string_view code, const std::string& text) {
  if (!wants_colour(STDERR_FILENO)) return text;
  return fmt::format("{}{}{}", code, text, colour::kPlain);
}

}  // namespace

int run_dev(master::CommandLine line) {
  if (line.start_directory.empty() && !is_set(line, "directory"))
    return complain(
        "the current directory was removed; where it was made anew, cd \"$PWD\" enters "
        "it");
  enter_named_place(line);
  put_below(line, dev_settings());
  keep_port_at_home(line);
  const bool bound = is_set(line, "bind");
  const std::uint16_t port = bound ? std::uint16_t{0} : free_port(kPort);
  if (!bound && port == 0)
    return complain(
        fmt::format("the ports from {} to {} are taken; name one: monodon dev --bind "
                    "127.0.0.1:PORT, 0 for any",
                    kPort, kPort + kPorts - 1));
  if (!bound)
    put_below(line, {{"bind", {fmt::format("127.0.0.1:{}", port)}, "monodon dev"}});
  master::ConfigResult result = master::load_config(line);
  if (lacks_application_only(result, line) || names_no_callable(result, line)) {
    if (const Outcome chosen = choose_application(line); !chosen)
      return complain(chosen.error().message());
    result = master::load_config(line);
  }
  bool changed = false;
  std::string settings;
  if (result.config) settings = take_django_settings(*result.config, changed);
  // The process that runs a gunicorn.conf.py imports the site, too.
  if (changed && result.config->file_run) result = master::load_config(line);
  // An application would be looked for, if it were not for the others.
  if (result.problems.size() > 1)
    std::erase_if(result.problems, [](const std::string& problem) {
      return problem.starts_with("application: is missing");
    });
  for (const std::string& problem : result.problems) say(problem);
  if (!result.config) return kBadConfiguration;
  if (const auto answered = master::answer_question()) return *answered;
  say(fmt::format("{} {}", painted(colour::kBold, "monodon dev"),
                  result.config->settings.worker.application));
  if (!settings.empty()) say(settings);
  if (!bound && port != kPort)
    say(fmt::format("port {} is taken, so it is {}", kPort, port));
  say(result.config->settings.worker.reload ? "saved files are reloaded; Ctrl-C ends it"
                                            : "Ctrl-C ends it");
  return master::serve(*result.config);
}

}  // namespace monodon::cli
