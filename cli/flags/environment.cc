// SPDX-License-Identifier: Apache-2.0
// Settings that the environment asks for.
#include "cli/flags/environment.h"

#include <fmt/format.h>
#include <unistd.h>

#include "cli/flags/flags.h"
#include "cli/flags/shell_words.h"
#include "master/config/gunicorn_values.h"
#include "master/config/table.h"

namespace monodon::cli {
namespace {

constexpr std::string_view kArguments = "GUNICORN_CMD_ARGS";

// The value as the setting wants it.
std::string translated(std::string_view name, const std::string& value) {
  if (name == "PORT") return "0.0.0.0:" + value;
  if (name == "SENDFILE") return value == "y" ? "true" : value;
  return value;
}

// Of numbers and names, an empty variable is one that is not set. One that says who is
// trusted says that nobody is.
bool is_given(const master::Setting& setting, const std::string& value) {
  return value.find_first_not_of(" \t\r\n") != std::string::npos || setting.trusts;
}

void apply_common(const Variables& variables, master::CommandLine& line) {
  for (const master::Group& group : master::setting_groups()) {
    for (const master::Setting& setting : group.settings) {
      const auto found = variables.find(std::string{setting.environment});
      if (setting.environment.empty() || found == variables.end() ||
          !is_given(setting, found->second)) {
        continue;
      }
      const master::TakenValue taken = master::take_gunicorn_value(
          setting, translated(setting.environment, found->second));
      line.environment.push_back({std::string{taken.key}, {taken.text}, found->first});
      if (!taken.warning.empty()) {
        line.warnings.push_back(fmt::format("{}: {}", found->first, taken.warning));
      }
    }
  }
}

void apply_own(const Variables& variables, master::CommandLine& line) {
  for (const master::Group& group : master::setting_groups()) {
    for (const master::Setting& setting : group.settings) {
      const auto found = variables.find(master::variable(setting));
      if (found == variables.end()) continue;
      line.environment.push_back(
          {std::string{setting.key}, {found->second}, found->first});
    }
  }
}

// A warning, not an error: an environment also holds what others put there.
void warn_of_unknown(const Variables& variables, master::CommandLine& line) {
  for (const auto& [name, value] : variables) {
    constexpr std::string_view kOurs = "MONODON_";
    // MONODON_LIBDIR: see base/files/install_paths.h.
    if (!name.starts_with(kOurs) || name == "MONODON_LIBDIR") continue;
    const std::string_view rest = std::string_view{name}.substr(kOurs.size());
    const std::string_view nearest = master::nearest_key(rest);
    const master::Setting* const meant = master::find_setting(nearest);
    if (meant != nullptr && master::variable(*meant) == name) continue;
    std::string warning = name + " in the environment: unknown setting, ignored";
    if (meant != nullptr)
      warning += fmt::format("; did you mean {}?", master::variable(*meant));
    line.warnings.push_back(std::move(warning));
  }
}

std::vector<std::string> apply_arguments(const std::string& text,
                                         master::CommandLine& line) {
  Result<std::vector<std::string>> words = shell_words(text);
  if (!words) return {fmt::format("{}: {}", kArguments, words.error().what)};
  Result<Flags> flags = parse_flags(std::move(words.value()));
  if (!flags) return {fmt::format("{}: {}", kArguments, flags.error().what)};
  Flags& asked = flags.value();
  for (std::string& complaint : asked.complaints) {
    complaint = fmt::format("{}: {}", kArguments, complaint);
  }
  for (master::Override& override : asked.overrides) {
    override.origin = fmt::format("{} {}", kArguments, override.origin);
    line.environment.push_back(std::move(override));
  }
  line.notes.insert(line.notes.end(), asked.notes.begin(), asked.notes.end());
  for (const std::string& warning : asked.warnings) {
    line.warnings.push_back(fmt::format("{}: {}", kArguments, warning));
  }
  if (line.config_file.empty()) line.config_file = asked.config_file;
  return std::move(asked.complaints);
}

}  // namespace

Variables environment_variables() {
  Variables variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text{*entry};
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

std::vector<std::string> apply_environment(const Variables& variables,
                                           master::CommandLine& line) {
  apply_common(variables, line);
  apply_own(variables, line);
  warn_of_unknown(variables, line);
  const auto script_name = variables.find("SCRIPT_NAME");
  if (script_name != variables.end()) {
    const std::string& value = script_name->second;
    if (!value.empty() && value.front() != '/') {
      return {
          fmt::format("SCRIPT_NAME in the environment: \"{}\" is not a path; it "
                      "begins with \"/\", or is not set",
                      value)};
    }
  }
  const auto arguments = variables.find(std::string{kArguments});
  if (arguments == variables.end()) return {};
  return apply_arguments(arguments->second, line);
}

}  // namespace monodon::cli
