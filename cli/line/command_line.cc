// SPDX-License-Identifier: Apache-2.0
// What was asked for on the command line, as one structure for main().
#include "cli/line/command_line.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>

#include "base/text/text.h"
#include "base/version.h"
#include "cli/dev/dev_settings.h"
#include "cli/flags/argparse.h"
#include "cli/flags/serve_line.h"
#include "cli/flags/settings_options.h"
#include "cli/line/complaint.h"
#include "cli/line/completion.h"
#include "cli/line/help_format.h"
#include "cli/line/live_commands.h"

namespace monodon::cli {
namespace {

constexpr std::array<std::string_view, 7> kDocuments{"yaml",
                                                     "man",
                                                     "metrics-man",
                                                     "messages",
                                                     "bash-completion",
                                                     "zsh-completion",
                                                     "fish-completion"};
constexpr const char* kVersion = "monodon " MONODON_VERSION "\n";

// The directory as the user calls it: $PWD keeps a symbolic link that getcwd(3) has
// lost, so that a reload follows the link of a release anew.
std::string start_directory(const Variables& variables) {
  std::error_code error;
  const std::string physical = std::filesystem::current_path(error);
  const auto logical = variables.find("PWD");
  if (logical == variables.end() || !logical->second.starts_with('/')) return physical;
  struct stat a {};
  struct stat b {};
  const bool same = ::stat(logical->second.c_str(), &a) == 0 && ::stat(".", &b) == 0 &&
                    a.st_dev == b.st_dev && a.st_ino == b.st_ino;
  return same ? logical->second : physical;
}

// For masters only, so that --help has nothing of it.
void add_watch_options(CLI::App& watch, WatchOptions& options) {
  watch.group("");
  watch.add_option("--root", options.roots)->allow_extra_args(false);
  watch.add_option("--pattern", options.patterns)->allow_extra_args(false);
  watch.add_option("--engine", options.engine);
  watch.add_option("--since", options.since);
}

// All commands with their options, on the stack of one parse.
struct Commands {
  CLI::App app{"A preforking application server for Python web applications.",
               "monodon"};
  CLI::App* serve = app.add_subcommand("serve", "Serve an application.");
  CLI::App* dev = app.add_subcommand(
      "dev", "Serve the application that is here, and reload it at each edit.");
  CLI::App* check = app.add_subcommand(
      "check", "Check the configuration and import the application.");
  CLI::App* version = app.add_subcommand("version", "Print the version.");
  CLI::App* generate = app.add_subcommand("generate", "Print generated documents.");
  CLI::App* watch = app.add_subcommand("watch", "Tell a master of changed files.");
  SettingsOptions serve_settings{*serve};
  SettingsOptions dev_settings{*dev, cli::dev_settings()};
  SettingsOptions check_settings{*check};
  Invocation asked;
  LiveCommands live{app, asked.control, asked.top};
  SiteCommands sites{app, asked.site};
  std::vector<std::string> notes;  // of the line as it was written
  bool version_flag = false;

  Commands() {
    const auto format = std::make_shared<HelpFormat>();
    format->label("Positionals", "Arguments");
    app.formatter(format);
    // Subcommands were made with the formatter of before.
    for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
      command->formatter(format);
      command->group("Commands");
      command->set_help_flag("-h,--help", "Print this help.");
    }
    app.add_flag("-v,--version", version_flag, "Print the version.");
    app.set_help_flag("-h,--help", "Print this help.");
    serve->add_flag("-v,--version", version_flag, "Print the version.");
    add_watch_options(*watch, asked.watch);
    generate->group("");
    generate
        ->add_option("what", asked.what,
                     "yaml, man, metrics-man, messages or SHELL-completion")
        ->type_name("WHAT");
    check->add_flag("--no-app{false}", asked.check.import_application,
                    "Do not import the application.");
    check->add_flag("--hooks", asked.check.call_hooks,
                    "Call the hooks, too: pre_fork, post_fork, pre_stop.");
    check->add_flag("--print", asked.check.print, "Print the merged configuration.");
  }
};

Parsed usage_error(const std::vector<std::string>& complaints,
                   const std::string& command) {
  Parsed parsed;
  parsed.status = kBadUsage;
  for (const std::string& complaint : complaints) {
    parsed.error += "monodon: ";
    append_printable_lines(parsed.error, complaint, "  ");  // it has words of the line
    parsed.error += "\n";
  }
  parsed.error +=
      fmt::format("See: monodon {}--help\n", command.empty() ? "" : command + " ");
  return parsed;
}

// With settings: everything that serve and check have in common.
Parsed with_settings(Commands& commands, const SettingsOptions& options,
                     const Variables& variables) {
  Invocation& asked = commands.asked;
  const std::string name = asked.command == Command::serve ? "serve"
                           : asked.command == Command::dev ? "dev"
                                                           : "check";
  asked.line.start_directory = start_directory(variables);
  if (const auto complaints = complete_line(options.flags(), variables, asked.line);
      !complaints.empty()) {
    return usage_error(complaints, name);
  }
  asked.line.notes.insert(asked.line.notes.end(), commands.notes.begin(),
                          commands.notes.end());
  if (options.check_config()) {
    asked.command = Command::check;
    asked.check.one_status = true;
  }
  if (options.print_config()) asked.check.print = true;
  return {std::move(asked), kGood, {}, {}};
}

std::string name_of_chosen(const Commands& commands) {
  return commands.app.get_subcommands().front()->get_name();
}

Parsed dispatch(Commands& commands, const Variables& variables) {
  Invocation& asked = commands.asked;
  if (commands.version_flag || commands.version->parsed()) {
    return {std::nullopt, kGood, kVersion, {}};
  }
  if (commands.serve->parsed()) {
    return with_settings(commands, commands.serve_settings, variables);
  }
  if (commands.dev->parsed()) {
    asked.command = Command::dev;
    return with_settings(commands, commands.dev_settings, variables);
  }
  if (commands.check->parsed()) {
    asked.command = Command::check;
    return with_settings(commands, commands.check_settings, variables);
  }
  if (const auto live = commands.live.chosen()) {
    asked.command = *live;
    const std::string& complaint = commands.live.complaint();
    if (!complaint.empty()) return usage_error({complaint}, name_of_chosen(commands));
  } else if (const auto chosen = commands.sites.chosen()) {
    asked.command = *chosen;
    const std::string complaint = commands.sites.complaint();
    if (!complaint.empty()) return usage_error({complaint}, name_of_chosen(commands));
  } else if (commands.watch->parsed()) {
    asked.command = Command::watch;
  } else if (commands.generate->parsed()) {
    if (std::ranges::find(kDocuments, asked.what) == kDocuments.end())
      return usage_error(
          {fmt::format("generate: say what: {}", fmt::join(kDocuments, ", "))},
          "generate");
    if (const std::size_t dash = asked.what.find("-completion");
        dash != std::string::npos) {
      return {std::nullopt,
              kGood,
              completion(commands.app, asked.what.substr(0, dash)),
              {}};
    }
    asked.command = Command::generate;
  } else {
    return {std::nullopt, kBadUsage, {}, commands.app.help()};
  }
  return {std::move(asked), kGood, {}, {}};
}

// Flags of serve and check are Gunicorn's, and written as for Gunicorn.
Outcome rewrite(Commands& commands, std::vector<std::string>& arguments) {
  if (arguments.empty()) return ok();
  for (const CLI::App* command : {commands.serve, commands.check}) {
    if (arguments[0] != command->get_name()) continue;
    auto line = read_like_argparse(*command, {arguments.begin() + 1, arguments.end()});
    if (!line) return line.error();
    arguments.erase(arguments.begin() + 1, arguments.end());
    arguments.insert(arguments.end(), line.value().words.begin(),
                     line.value().words.end());
    commands.notes = std::move(line.value().notes);
  }
  return ok();
}

// Words that people type before they know ours.
void take_habits(std::vector<std::string>& arguments) {
  if (arguments.empty()) return;
  if (arguments[0] == "-V") arguments[0] = "--version";
  if (arguments[0] != "help") return;
  arguments.erase(arguments.begin());
  if (arguments.size() > 1) arguments.resize(1);
  arguments.emplace_back("--help");
}

}  // namespace

Parsed parse_command_line(std::vector<std::string> arguments,
                          const Variables& variables) {
  Commands commands;
  take_habits(arguments);
  if (const Outcome read = rewrite(commands, arguments); !read) {
    return usage_error({read.error().what}, arguments[0]);
  }
  std::vector<std::string> reversed{arguments.rbegin(), arguments.rend()};
  std::string command;
  try {
    commands.app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    const auto chosen = commands.app.get_subcommands();
    const CLI::App& of = chosen.empty() ? commands.app : *chosen.front();
    return {std::nullopt, kGood, of.help(chosen.empty() ? "" : "monodon"), {}};
  } catch (const CLI::ParseError& e) {
    for (const CLI::App* chosen : commands.app.get_subcommands()) {
      command = chosen->get_name();
    }
    return usage_error({explain(commands.app, e, arguments)}, command);
  }
  return dispatch(commands, variables);
}

}  // namespace monodon::cli
