// SPDX-License-Identifier: Apache-2.0
// The options of the commands that talk to a running server.
#include "cli/line/live_commands.h"

#include <fmt/format.h>

#include "base/text/number.h"
#include "cli/line/validators.h"
#include "cli/live/top_text.h"

namespace monodon::cli {
namespace {

void add_top_options(CLI::App& top, TopOptions& options) {
  top.add_flag("--once", options.once, "Print one picture as text.");
  top.add_flag("-b,--batch", options.batch, "Print pictures as text, one by one.");
  top.add_option("-n,--pictures", options.pictures,
                 "With --batch: how many. [without end]")
      ->type_name("N");
  top.add_option("-d,--delay", options.delay, "Seconds between two looks. [1]")
      ->type_name("SECONDS")
      ->check(seconds_between(0.1, 3600));
  std::vector<std::string_view> names;
  for (const SortKey& sort : kSortKeys) names.push_back(sort.name);
  top.add_option("-s,--sort", options.sort, "What the rows are sorted by. [slot]")
      ->type_name("WORD")
      ->check(one_of(names));
}

}  // namespace

LiveCommands::LiveCommands(CLI::App& app, ControlOptions& control, TopOptions& top)
    : control_{control},
      status_{app.add_subcommand("status", "Show what a running server does.")},
      ls_{app.add_subcommand("ls", "List the servers of this machine, a line each.")},
      reload_{app.add_subcommand("reload", "Bring in new code and configuration.")},
      scale_{app.add_subcommand("scale",
                                "Set the number of workers, until the next reload.")},
      upgrade_{app.add_subcommand(
          "upgrade", "Switch to the installed version in place, keeping connections.")},
      top_{app.add_subcommand("top", "Watch a running server, or all of them.")},
      trace_{app.add_subcommand(
          "trace", "Print the Python stacks of workers, also of stuck ones.")} {
  add_common_options();
  status_->add_flag("--json", control.json, "Print JSON.");
  ls_->add_flag("--json", control.json, "Print JSON.");
  ls_->add_flag("-q,--quiet", control.names_only, "Print the names alone.");
  for (CLI::App* command : {status_, top_})
    command->add_flag("-a,--all", control.all,
                      "Every server of this machine, a line each.");
  reload_->add_flag("--wait,!--no-wait", control.wait,
                    "Wait for the end and show the progress. [yes]");
  reload_->add_flag("--rehearse,!--no-rehearsal", control.rehearse,
                    "Have new code answer a few requests inside itself first. [yes]");
  reload_
      ->add_option("--timeout", control.timeout,
                   "Seconds to wait for its end; 0 is as long as it takes. [0]")
      ->type_name("SECONDS")
      ->check(seconds_between(0, 86'400));
  add_top_options(*top_, top);
  trace_->add_flag("-a,--all", control.everything,
                   "Idle workers and threads, too, and every frame.");
  trace_
      ->add_option("--timeout", control.patience,
                   "Seconds to wait for each worker. [5]")
      ->type_name("SECONDS")
      ->check(seconds_between(0.001, 3600));
}

void LiveCommands::add_common_options() {
  for (CLI::App* command : {status_, reload_, scale_, upgrade_, top_, trace_}) {
    if (command == trace_)
      command->add_option("SITE_SLOT...", words_,
                          "Which server, and which of its slots, as `monodon status` "
                          "numbers them. [the one that runs, all slots]");
    else if (command == scale_)
      command->add_option("SITE_N", words_,
                          "Which server, and how many workers. [the one that runs]");
    else
      command->add_option("SITE", control_.site,
                          "Which server: its name, as `monodon ls` has it, or its "
                          "directory, file or socket. [the one that runs]");
    command
        ->add_option("--control", control_.control,
                     "Path of the server's control socket.")
        ->type_name("PATH");
    command
        ->add_option("-c,--config", control_.config_file,
                     "Configuration file of the server.")
        ->type_name("PATH");
  }
}

void LiveCommands::read_trace_words() {
  for (const std::string& word : words_) {
    if (const auto slot = parse_number(word, UINT32_MAX))
      control_.slots.push_back(static_cast<std::uint32_t>(*slot));
    else if (control_.site.empty())
      control_.site = word;
    else
      complaint_ = fmt::format(
          "trace: {}: is not the number of a slot, and the site is {} already", word,
          control_.site);
  }
}

void LiveCommands::read_scale_words() {
  const auto number = words_.empty() ? std::nullopt : parse_number(words_.back(), 1024);
  if (!number || *number == 0 || words_.size() > 2) {
    complaint_ = "scale: say how many workers, 1 to 1024: monodon scale [SITE] N";
    return;
  }
  control_.workers = static_cast<std::uint32_t>(*number);
  if (words_.size() == 2) control_.site = words_.front();
}

std::optional<Command> LiveCommands::chosen() {
  if (status_->parsed()) return Command::status;
  if (ls_->parsed()) return Command::ls;
  if (reload_->parsed()) return Command::reload;
  if (upgrade_->parsed()) return Command::upgrade;
  if (top_->parsed()) return Command::top;
  if (scale_->parsed()) {
    read_scale_words();
    return Command::scale;
  }
  if (!trace_->parsed()) return std::nullopt;
  read_trace_words();
  return Command::trace;
}

}  // namespace monodon::cli
