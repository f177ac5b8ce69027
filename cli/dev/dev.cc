// SPDX-License-Identifier: Apache-2.0
// `monodon dev`: from a directory with code to a page in the browser.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>
#include <utility>

#include "base/text/colour.h"
#include "base/text/say.h"
#include "cli/dev/commands.h"
#include "cli/dev/dev_settings.h"
#include "cli/dev/found_applications.h"
#include "master/config/interpreter.h"
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

// Under everything that was said on the command line.
void put_below(master::CommandLine& line, std::vector<master::Override> settings) {
  line.arguments.insert(line.arguments.begin(),
                        std::make_move_iterator(settings.begin()),
                        std::make_move_iterator(settings.end()));
}

bool lacks_application_only(const master::ConfigResult& result) {
  return !result.config && result.problems.size() == 1 &&
         result.problems[0].starts_with("application: ");
}

// The application that is there, as if it had been named; an Error says what to name.
Outcome choose_application(master::CommandLine& line) {
  std::string directory = line.start_directory;
  std::string python;
  for (const auto& given : line.arguments) {
    if (given.key == "directory") directory = given.values.back();
    if (given.key == "python") python = given.values.back();
  }
  if (!directory.starts_with('/')) directory = line.start_directory + "/" + directory;
  const auto interpreter = master::find_interpreter(python, directory);
  if (!interpreter) return interpreter.error();
  const auto found = find_applications(interpreter.value().path, directory);
  if (!found) return found.error();
  const std::vector<FoundApplication>& all = found.value();
  if (all.empty() || all.front().asgi) return Error{nothing_found(all, directory)};
  put_below(line, {{"application", {all.front().application}, all.front().file}});
  if (const std::string others = others_beside(all); !others.empty())
    say(fmt::format("{} of {}; {}", all.front().application, all.front().file, others));
  return ok();
}

}  // namespace

int run_dev(master::CommandLine line) {
  if (line.start_directory.empty() && !is_set(line, "directory"))
    return complain(
        "the current directory was removed; where it was made anew, cd \"$PWD\" enters "
        "it");
  put_below(line, dev_settings());
  const bool bound = is_set(line, "bind");
  const std::uint16_t port = bound ? std::uint16_t{0} : free_port(kPort);
  if (!bound)
    put_below(line, {{"bind", {fmt::format("127.0.0.1:{}", port)}, "monodon dev"}});
  master::ConfigResult result = master::load_config(line);
  if (lacks_application_only(result)) {
    if (const Outcome chosen = choose_application(line); !chosen)
      return complain(chosen.error().message());
    result = master::load_config(line);
  }
  for (const std::string& problem : result.problems) say(problem);
  if (!result.config) return kBadConfiguration;
  if (const auto answered = master::answer_question()) return *answered;
  say(fmt::format("{} {}", painted(colour::kBold, "monodon dev"),
                  result.config->settings.worker.application));
  if (!bound && port != kPort)
    say(fmt::format("port {} is taken, so it is {}", kPort, port));
  say("saved files are reloaded; Ctrl-C ends it");
  return master::serve(*result.config);
}

}  // namespace monodon::cli
