// SPDX-License-Identifier: Apache-2.0
// The text of --help.
#include "cli/line/help_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace monodon::cli {
namespace {

constexpr std::size_t kIndent = 8;
constexpr std::size_t kColumns = 80;

std::string wrapped(std::string_view text) {
  std::string lines;
  std::size_t column = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (column != 0 && column + 1 + end > kColumns) {
      lines += '\n';
      column = 0;
    }
    if (column == 0) {
      lines.append(kIndent, ' ');
      column = kIndent;
    } else {
      lines += ' ';
      ++column;
    }
    lines += text.substr(0, end);
    column += end;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines + '\n';
}

std::string names(const CLI::Option& option) {
  std::string text;
  for (const std::string& name : option.get_snames()) {
    text += (text.empty() ? "-" : ", -") + name;
  }
  for (const std::string& name : option.get_lnames()) {
    text += (text.empty() ? "--" : ", --") + name;
  }
  return text;
}

// "SITE_SLOT..." is two words in one option: CLI11 takes no blank in a name.
std::string words_of(const CLI::Option& option) {
  std::string words = option.get_single_name();
  if (words.starts_with("SITE_")) std::ranges::replace(words, '_', ' ');
  return words;
}

}  // namespace

std::string HelpFormat::make_option(const CLI::Option* option,
                                    bool is_positional) const {
  std::string text = "  ";
  text += is_positional ? words_of(*option) : names(*option);
  if (!is_positional && !option->get_type_name().empty()) {
    text += " " + option->get_type_name();
  }
  return text + '\n' + wrapped(option->get_description());
}

std::string HelpFormat::make_usage(const CLI::App* app, std::string name) const {
  std::string text = "Usage: " + name;
  if (!app->get_subcommands([](const CLI::App*) { return true; }).empty()) {
    return text + " COMMAND [OPTIONS]\n";
  }
  text += " [OPTIONS]";
  for (const CLI::Option* option : app->get_options()) {
    if (!option->get_positional()) continue;
    // More than one word in a name: a word is optional unless it is the number that
    // scale needs.
    const std::string words = words_of(*option);
    for (std::string_view rest = words; !rest.empty();) {
      const std::string_view word = rest.substr(0, rest.find(' '));
      const bool needed = option->get_required() || word == "N";
      text += needed ? fmt::format(" {}", word) : fmt::format(" [{}]", word);
      rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    }
  }
  return text + '\n';
}

}  // namespace monodon::cli
