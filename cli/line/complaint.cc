// SPDX-License-Identifier: Apache-2.0
// Words for a command line that was not understood.
#include "cli/line/complaint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>

#include "base/text/nearest.h"

namespace monodon::cli {
namespace {

// By their long names: any letter is near any other.
std::vector<std::string> long_flags_of(const CLI::App& app) {
  std::vector<std::string> all;
  for (const CLI::Option* option :
       app.get_options([](const CLI::Option* o) { return !o->get_group().empty(); })) {
    for (const std::string& name : option->get_lnames()) all.push_back("--" + name);
  }
  return all;
}

std::string did_you_mean(std::string word, const std::vector<std::string>& known) {
  std::ranges::transform(word, word.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  const std::vector<std::string_view> candidates{known.begin(), known.end()};
  const std::string_view meant = nearest(word, candidates);
  return meant.empty() ? "" : fmt::format("; did you mean {}?", meant);
}

std::string explain_command(const CLI::App& app, const std::string& word) {
  if (word.find_first_of(":.") != std::string::npos)
    return fmt::format("{}: is not a command; did you mean monodon serve {}?", word,
                       word);
  std::vector<std::string> names;
  for (const CLI::App* command :
       app.get_subcommands([](const CLI::App* c) { return !c->get_group().empty(); }))
    names.push_back(command->get_name());
  return fmt::format("{}: is not a command{}", word, did_you_mean(word, names));
}

// The library says "--config: 1 required PATH missing".
std::string explain_mismatch(const std::string& text) {
  constexpr std::string_view kBefore = ": 1 required ";
  constexpr std::string_view kAfter = " missing";
  const std::size_t at = text.find(kBefore);
  if (at == std::string::npos || !text.ends_with(kAfter)) return text;
  const std::string name = text.substr(0, at);
  const std::size_t kind = at + kBefore.size();
  return fmt::format("{}: needs a value: {} {}", name, name,
                     text.substr(kind, text.size() - kAfter.size() - kind));
}

}  // namespace

std::string explain(const CLI::App& app, const CLI::ParseError& error,
                    const std::vector<std::string>& arguments) {
  const auto chosen = app.get_subcommands();
  const CLI::App& command = chosen.empty() ? app : *chosen.front();
  const std::string before = chosen.empty() ? "" : command.get_name() + ": ";
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr)
    return before + explain_mismatch(error.what());
  if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr || arguments.empty())
    return before + error.what();
  if (chosen.empty() && !arguments[0].starts_with('-'))
    return explain_command(app, arguments[0]);
  const std::vector<std::string> known = long_flags_of(command);
  for (std::size_t i = chosen.empty() ? 0 : 1; i < arguments.size(); ++i) {
    const std::string name = arguments[i].substr(0, arguments[i].find('='));
    const bool is_flag = name.size() > 1 && name.starts_with('-');
    if (is_flag && command.get_option_no_throw(name) == nullptr)
      return before + name + ": unknown flag" + did_you_mean(name, known);
  }
  return fmt::format("{}{}: one argument too many", before, arguments.back());
}

}  // namespace monodon::cli
