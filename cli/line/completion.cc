// SPDX-License-Identifier: Apache-2.0
// The scripts that complete monodon's commands, options, values and sites in a shell.
#include "cli/line/completion.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "cli/live/top_text.h"
#include "master/config/table.h"

namespace monodon::cli {
namespace {

// What a shell may offer for a word.
enum class Offer : std::uint8_t { nothing, files, choices, sites, applications };

struct Word {
  std::string name;  // "--workers", "-w"
  std::string what;
  bool takes_value = false;
  Offer offer = Offer::nothing;  // as its value
  std::string choices;           // with blanks between them
};

struct Subcommand {
  std::string name;
  std::string what;
  std::vector<Word> options;
  Offer offer = Offer::nothing;  // as its arguments
};

void offer_values(const CLI::Option& option, Word& word) {
  for (const std::string& name : option.get_lnames()) {
    std::string key = name;
    std::replace(key.begin(), key.end(), '-', '_');
    const master::Setting* const setting = master::find_setting(key);
    if (setting != nullptr) word.choices = setting->choices;
    if (name == "worker-class") word.choices = "sync|gthread";
    if (name == "sort")
      for (const SortKey& sort : kSortKeys)
        word.choices += fmt::format("|{}", sort.name);
  }
  std::replace(word.choices.begin(), word.choices.end(), '|', ' ');
  if (!word.choices.empty())
    word.offer = Offer::choices;
  else if (option.get_type_name() == "PATH")
    word.offer = Offer::files;
}

std::vector<Word> options_of(const CLI::App& app) {
  std::vector<Word> all;
  for (const CLI::Option* option :
       app.get_options([](const CLI::Option* o) { return !o->get_group().empty(); })) {
    if (option->get_positional()) continue;
    Word word{{}, option->get_description(), option->get_items_expected_max() > 0};
    if (word.takes_value) offer_values(*option, word);
    const auto add = [&](const char* dashes, const std::string& name) {
      all.push_back(word);
      all.back().name = dashes + name;
    };
    for (const std::string& name : option->get_snames()) add("-", name);
    for (const std::string& name : option->get_lnames()) add("--", name);
  }
  return all;
}

Offer offer_arguments(const CLI::App& command) {
  if (command.get_name() == "import") return Offer::files;
  for (const CLI::Option* option : command.get_options()) {
    const std::string name =
        option->get_positional() ? option->get_single_name() : std::string{};
    if (name == "APP_MODULE") return Offer::applications;
    if (name.starts_with("SITE") || name == "site") return Offer::sites;
  }
  return Offer::nothing;
}

std::vector<Subcommand> commands_of(const CLI::App& app) {
  std::vector<Subcommand> all;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App* c) {
         return !c->get_name().empty() && !c->get_group().empty();
       })) {
    all.push_back({command->get_name(), command->get_description(),
                   options_of(*command), offer_arguments(*command)});
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

// Programs whose output a shell offers, a word a line.
std::string_view program_of(Offer offer) {
  if (offer == Offer::sites) return "monodon ls --quiet 2>/dev/null";
  if (offer == Offer::applications)
    return "find . -maxdepth 2 -name wsgi.py 2>/dev/null | sed -n "
           "\"s,^\\./\\([^/]*\\)/wsgi\\.py,\\1.wsgi,p\"";
  return {};
}

// What follows a word of the command line, as a row of bash's `case`.
std::string bash_values(const std::vector<Word>& words) {
  std::string rows;
  std::string files;
  std::string others;
  for (const Word& word : words) {
    if (!word.takes_value) continue;
    if (word.offer == Offer::choices) {
      rows += fmt::format("        {}) offer='{}'; kind=words ;;\n", word.name,
                          word.choices);
    } else {
      std::string& list = word.offer == Offer::files ? files : others;
      list += (list.empty() ? "" : "|") + word.name;
    }
  }
  if (!files.empty()) rows += fmt::format("        {}) kind=files ;;\n", files);
  if (!others.empty()) rows += fmt::format("        {}) kind=nothing ;;\n", others);
  return rows;
}

std::string bash_arguments(Offer offer) {
  if (offer == Offer::files) return "kind=files";
  if (const auto program = program_of(offer); !program.empty())
    return fmt::format("kind=words; offer=$({})", program);
  return "kind=nothing";
}

std::string bash(const std::vector<Subcommand>& commands) {
  std::string cases;
  std::string all;
  for (const Subcommand& command : commands) {
    all += (all.empty() ? "" : " ") + command.name;
    const std::string values = bash_values(command.options);
    cases += fmt::format("    {})\n      words='{}'\n", command.name,
                         names(command.options));
    if (!values.empty())
      cases += fmt::format("      case $before in\n{}      esac\n", values);
    cases += fmt::format(
        "      case $kind$word in\n        -*|files*|words*|nothing*) ;;\n"
        "        *) {} ;;\n      esac ;;\n",
        bash_arguments(command.offer));
  }
  return fmt::format(R"(# bash completion of monodon; made by `monodon generate`.
_monodon() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}
  local words kind='' offer=''
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W '{} help --help --version' -- "$word")
    return
  fi
  # "--option=value" comes in three words.
  if [ "$word" = '=' ]; then
    word=''
  elif [ "$before" = '=' ]; then
    before=${{COMP_WORDS[COMP_CWORD-2]}}
  fi
  case ${{COMP_WORDS[1]}} in
{}    *) return ;;
  esac
  case $kind in
    files)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    words) mapfile -t COMPREPLY < <(compgen -W "$offer" -- "$word") ;;
    nothing) COMPREPLY=() ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word") ;;
  esac
}}
complete -F _monodon monodon
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

std::string zsh_value(const Word& word) {
  if (!word.takes_value) return {};
  if (word.offer == Offer::choices) return ":value:(" + word.choices + ")";
  return word.offer == Offer::files ? ":file:_files" : ":value: ";
}

std::string_view zsh_arguments(Offer offer) {
  if (offer == Offer::sites) return "*:site:_monodon_sites";
  if (offer == Offer::applications) return "*:application:_monodon_applications";
  return offer == Offer::files ? "*:file:_files" : "*: : ";
}

std::string zsh(const std::vector<Subcommand>& commands) {
  std::string list;
  std::string cases;
  for (const Subcommand& command : commands) {
    list +=
        fmt::format("    {}\n", in_quotes(command.name + ":" + zsh_text(command.what)));
    cases += fmt::format("    {}) _arguments", command.name);
    for (const Word& word : command.options) {
      cases +=
          " \\\n      " + in_quotes(fmt::format("*{}[{}]{}", word.name,
                                                zsh_text(word.what), zsh_value(word)));
    }
    cases += fmt::format(" \\\n      '{}' ;;\n", zsh_arguments(command.offer));
  }
  return fmt::format(R"zsh(#compdef monodon
# zsh completion of monodon; made by `monodon generate`.
_monodon_sites() {{
  local -a sites=(${{(f)"$({})"}})
  _describe site sites
}}
_monodon_applications() {{
  local -a applications=(${{(f)"$({})"}})
  _describe application applications
}}
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
if [ "$funcstack[1]" = _monodon ]; then
  _monodon "$@"
else
  compdef _monodon monodon
fi
)zsh",
                     program_of(Offer::sites), program_of(Offer::applications), list,
                     cases);
}

std::string fish_value(const Word& word) {
  if (!word.takes_value) return {};
  if (word.offer == Offer::choices) return " -x -a " + in_quotes(word.choices);
  return word.offer == Offer::files ? " -r -F" : " -x";
}

std::string fish_arguments(const Subcommand& command) {
  const std::string condition = fmt::format(
      "complete -c monodon -n '__fish_seen_subcommand_from {}'", command.name);
  if (command.offer == Offer::files) return condition + " -F\n";
  if (const auto program = program_of(command.offer); !program.empty())
    return condition + " -f -a " + in_quotes(fmt::format("({})", program)) + "\n";
  return condition + " -f\n";
}

std::string fish(const std::vector<Subcommand>& commands) {
  std::string text = "# fish completion of monodon; made by `monodon generate`.\n";
  for (const Subcommand& command : commands) {
    text += fmt::format("complete -c monodon -n __fish_use_subcommand -f -a {} -d {}\n",
                        command.name, in_quotes(command.what));
    text += fish_arguments(command);
    for (const Word& word : command.options) {
      const bool is_long = word.name.starts_with("--");
      text += fmt::format(
          "complete -c monodon -n '__fish_seen_subcommand_from {}' -{} {}{} -d {}\n",
          command.name, is_long ? "l" : "s", word.name.substr(is_long ? 2 : 1),
          fish_value(word), in_quotes(word.what));
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
