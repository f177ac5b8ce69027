// SPDX-License-Identifier: Apache-2.0
// The scripts that complete monodon's commands and options in a shell.
#include "cli/completion.h"

#include <fmt/format.h>

#include <vector>

namespace monodon::cli {
namespace {

struct Word {
  std::string name;  // "--workers", "-w"
  std::string what;
  bool takes_value = false;
};

struct Subcommand {
  std::string name;
  std::string what;
  std::vector<Word> options;
};

std::vector<Word> options_of(const CLI::App& app) {
  std::vector<Word> all;
  for (const CLI::Option* option :
       app.get_options([](const CLI::Option* o) { return !o->get_group().empty(); })) {
    if (option->get_positional()) continue;
    const bool takes_value = option->get_items_expected_max() > 0;
    for (const std::string& name : option->get_snames()) {
      all.push_back({"-" + name, option->get_description(), takes_value});
    }
    for (const std::string& name : option->get_lnames()) {
      all.push_back({"--" + name, option->get_description(), takes_value});
    }
  }
  return all;
}

std::vector<Subcommand> commands_of(const CLI::App& app) {
  std::vector<Subcommand> all;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App* c) {
         return !c->get_name().empty() && !c->get_group().empty();
       })) {
    all.push_back(
        {command->get_name(), command->get_description(), options_of(*command)});
  }
  return all;
}

// Between single quotes of any of the three.
std::string in_quotes(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    if (c == '\'') {
      safe += "'\\''";
    } else {
      safe += c;
    }
  }
  return "'" + safe + "'";
}

std::string names(const std::vector<Word>& words) {
  std::string all;
  for (const Word& word : words) all += (all.empty() ? "" : " ") + word.name;
  return all;
}

std::string bash(const std::vector<Subcommand>& commands) {
  std::string cases;
  std::string all;
  for (const Subcommand& command : commands) {
    all += (all.empty() ? "" : " ") + command.name;
    cases +=
        fmt::format("    {}) words='{}' ;;\n", command.name, names(command.options));
  }
  return fmt::format(R"(# bash completion of monodon; made by `monodon generate`.
_monodon() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} words
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W '{} --help --version' -- "$word")
    return
  fi
  case ${{COMP_WORDS[1]}} in
{}    *) return ;;
  esac
  case $word in
    -*) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word") ;;
    *) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
  esac
}}
complete -o filenames -F _monodon monodon
)",
                     all, cases);
}

// Within a specification of _arguments or _describe.
std::string zsh_text(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    if (c == ':' || c == '[' || c == ']' || c == '\\') safe += '\\';
    safe += c;
  }
  return safe;
}

std::string zsh(const std::vector<Subcommand>& commands) {
  std::string list;
  std::string cases;
  for (const Subcommand& command : commands) {
    list +=
        fmt::format("    {}\n", in_quotes(command.name + ":" + zsh_text(command.what)));
    cases += fmt::format("    {}) _arguments", command.name);
    for (const Word& word : command.options) {
      cases += " \\\n      " +
               in_quotes(fmt::format("*{}[{}]{}", word.name, zsh_text(word.what),
                                     word.takes_value ? ":value:_files" : ""));
    }
    cases += " \\\n      '*:file:_files' ;;\n";
  }
  return fmt::format(R"(#compdef monodon
# zsh completion of monodon; made by `monodon generate`.
_monodon() {{
  local -a commands=(
{}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
{}  esac
}}
_monodon "$@"
)",
                     list, cases);
}

std::string fish(const std::vector<Subcommand>& commands) {
  std::string text = "# fish completion of monodon; made by `monodon generate`.\n";
  for (const Subcommand& command : commands) {
    text += fmt::format("complete -c monodon -n __fish_use_subcommand -f -a {} -d {}\n",
                        command.name, in_quotes(command.what));
    for (const Word& word : command.options) {
      const bool is_long = word.name.starts_with("--");
      text += fmt::format(
          "complete -c monodon -n '__fish_seen_subcommand_from {}' -{} {}{} -d {}\n",
          command.name, is_long ? "l" : "s", word.name.substr(is_long ? 2 : 1),
          word.takes_value ? " -r" : "", in_quotes(word.what));
    }
  }
  return text;
}

}  // namespace

std::string completion(const CLI::App& app, std::string_view shell) {
  const std::vector<Subcommand> commands = commands_of(app);
  if (shell == "bash") return bash(commands);
  return shell == "zsh" ? zsh(commands) : fish(commands);
}

}  // namespace monodon::cli
