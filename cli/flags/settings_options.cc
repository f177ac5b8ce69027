// SPDX-License-Identifier: Apache-2.0
// An option for every setting, made from the table of settings.
#include "cli/flags/settings_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text/nearest.h"
#include "master/config/gunicorn_file.h"
#include "master/config/gunicorn_values.h"
#include "master/config/value.h"

namespace monodon::cli {
namespace {

using master::GunicornFlag;
using master::Setting;

constexpr const char* kHidden = "";  // CLI11's group that --help leaves out

// CLI11 takes a text that can change for a variable to assign to.
CLI::Option* new_option(CLI::App& app, const std::string& names,
                        const std::string& text) {
  return app.add_option(names, text);
}
CLI::Option* new_flag(CLI::App& app, const std::string& names,
                      const std::string& text) {
  return app.add_flag(names, text);
}

bool is_flag(const Setting& setting) {
  return setting.kind == master::Kind::flag || setting.kind == master::Kind::automatic;
}

// All names of one setting, short ones first, as CLI11 wants them.
std::string names_of(const Setting& setting) {
  const std::string own = master::long_flag(setting);
  std::string names{setting.flags};
  if (("," + names + ",").find("," + own + ",") == std::string::npos) {
    names += names.empty() ? own : "," + own;
  }
  if (is_flag(setting)) names += ",!--no-" + own.substr(2);
  return names;
}

std::string type_name(master::Kind kind) {
  switch (kind) {
    case master::Kind::flag:
    case master::Kind::automatic:
      return "";
    case master::Kind::count:
      return "N";
    case master::Kind::duration:
      return "TIME";
    case master::Kind::size:
      return "SIZE";
    case master::Kind::mode:
      return "OCTAL";
    case master::Kind::path:
      return "PATH";
    case master::Kind::choice:
      return "WORD";
    case master::Kind::text:
    case master::Kind::list:
      break;
  }
  return "TEXT";
}

std::string description(const Setting& setting, const std::string& usual) {
  std::string text{setting.doc};
  if (usual != "none") text += fmt::format(" [{}]", usual);
  if (!setting.environment.empty()) text += fmt::format(" (${})", setting.environment);
  return text;
}

std::string usual_value(const Setting& setting,
                        const std::vector<master::Override>& usual) {
  const auto own = std::ranges::find(usual, setting.key, &master::Override::key);
  if (own == usual.end()) return master::describe_default(setting);
  return own->values.front().empty() ? "none" : own->values.front();
}

bool is_asked_for(const GunicornFlag& flag, const CLI::Option& option) {
  if (option.count() == 0) return false;
  return !flag.takes_value ||
         !master::asks_for_nothing(name_in_file(flag), option.results().back());
}

// "--timeout" of request_timeout; "" where Gunicorn has no such flag.
std::string gunicorn_name(const Setting& setting) {
  std::string_view rest = setting.flags;
  while (!rest.empty()) {
    const std::string_view name = rest.substr(0, rest.find(','));
    if (name.starts_with("--") && master::is_gunicorn_flag(name))
      return std::string{name};
    rest.remove_prefix(std::min(name.size() + 1, rest.size()));
  }
  const std::string own = master::long_flag(setting);
  return master::is_gunicorn_flag(own) ? own : "";
}

// What argparse refuses for the type of its value, and ends with status 2. A number
// that is too small or too large is another matter.
std::string wrong_number(const Setting& setting, const std::string& text,
                         const master::TakenValue& taken) {
  const std::string name = gunicorn_name(setting);
  const bool number =
      setting.kind == master::Kind::count || setting.kind == master::Kind::duration ||
      setting.kind == master::Kind::size || setting.kind == master::Kind::mode;
  const bool digits =
      text.find_first_not_of("-0123456789", text.find_first_not_of(" \t\n")) ==
      std::string::npos;
  if (name.empty() || !number || (digits && !text.empty())) return {};
  master::Settings scratch = master::default_settings();
  const std::string why =
      set_scalar(*master::find_setting(taken.key), taken.text, scratch);
  return why.empty() ? "" : fmt::format("{}: {}", name, why);
}

}  // namespace

SettingsOptions::SettingsOptions(CLI::App& app,
                                 const std::vector<master::Override>& usual)
    : app_{app} {
  const std::string general = "General";
  config_ = new_option(
      app_, "-c,--config",
      "Configuration file, YAML or a gunicorn.conf.py. [./monodon.yaml, or else "
      "./gunicorn.conf.py, if there is one]");
  config_->type_name("PATH")->group(general)->multi_option_policy(
      CLI::MultiOptionPolicy::TakeLast);
  check_config_ = new_flag(app_, "--check-config",
                           "Check the configuration, import the application and exit.");
  check_config_->group(general);
  print_config_ =
      new_flag(app_, "--print-config", "The same, and print the merged configuration.");
  print_config_->group(general);
  for (const master::Group& group : master::setting_groups()) {
    for (const Setting& setting : group.settings) {
      add_setting(setting, usual_value(setting, usual));
      if (setting.key != "application") {
        settings_.back().second->group(std::string{group.title});
      }
    }
  }
  worker_class_ =
      new_option(app_, "-k,--worker-class",
                 "As with Gunicorn: sync or gthread; threads is what matters.");
  worker_class_->type_name("WORD")->group("Workers")->multi_option_policy(
      CLI::MultiOptionPolicy::TakeLast);
  for (const GunicornFlag& flag : master::gunicorn_flags()) add_gunicorn_flag(flag);
  app.allow_extras();  // complaints() has better words for them than CLI11
}

void SettingsOptions::add_setting(const Setting& setting, const std::string& usual) {
  const std::string text = description(setting, usual);
  CLI::Option* option = nullptr;
  if (setting.key == "application") {
    option = new_option(app_, "APP_MODULE", std::string{setting.doc});
  } else if (is_flag(setting)) {
    option = new_flag(app_, names_of(setting), text);
  } else {
    option = new_option(app_, names_of(setting), text);
  }
  // argparse, and so Gunicorn: the last one counts, lists grow.
  option->multi_option_policy(setting.kind == master::Kind::list
                                  ? CLI::MultiOptionPolicy::TakeAll
                                  : CLI::MultiOptionPolicy::TakeLast);
  option->type_name(type_name(setting.kind));
  settings_.emplace_back(&setting, option);
}

void SettingsOptions::add_gunicorn_flag(const master::GunicornFlag& flag) {
  const std::string names{flag.names};
  const std::string text{flag.answer};
  CLI::Option* const option =
      flag.takes_value ? new_option(app_, names, text) : new_flag(app_, names, text);
  option->group(kHidden)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  gunicorn_.emplace_back(&flag, option);
}

void SettingsOptions::complain_about_worker_class(
    std::vector<std::string>& complaints) const {
  if (worker_class_->count() == 0) return;
  const std::string why = master::refuse_worker_class(worker_class_->results().back());
  if (!why.empty()) complaints.push_back("--worker-class: " + why);
}

std::vector<std::string> SettingsOptions::complaints() const {
  std::vector<std::string> complaints;
  for (const auto& [flag, option] : gunicorn_) {
    if (is_asked_for(*flag, *option) && flag->other_service) {
      complaints.push_back(fmt::format("{}: {}", flag->name(), flag->answer));
    }
  }
  complain_about_worker_class(complaints);
  if (!complaints.empty()) return complaints;  // their values would follow as extras
  for (const std::string& extra : app_.remaining()) {
    if (!extra.starts_with('-')) continue;
    const std::string name = extra.substr(0, extra.find('='));
    const std::string_view key =
        name.size() > 3 ? master::nearest_key(std::string_view{name}.substr(2)) : "";
    const Setting* const near = master::find_setting(key);
    complaints.push_back(
        fmt::format("{}: unknown flag{}", name,
                    meant_by(name, near == nullptr ? "" : master::long_flag(*near))));
  }
  return complaints;
}

// A flag of ours that is spelt like it, or what another server calls a thing of ours.
std::string SettingsOptions::meant_by(const std::string& name,
                                      const std::string& setting) const {
  if (name == "--host") return "; use --bind ADDRESS:PORT, as --bind 0.0.0.0:8001";
  if (name == "--port") return "; use --bind :PORT, as --bind :8001";
  std::vector<std::string> known;
  for (const CLI::Option* option :
       app_.get_options([](const CLI::Option* o) { return o->get_group() != kHidden; }))
    for (const std::string& word : option->get_lnames()) known.push_back("--" + word);
  const std::vector<std::string_view> candidates{known.begin(), known.end()};
  const std::string_view near = setting.empty() ? nearest(name, candidates) : setting;
  return near.empty() ? "" : fmt::format("; did you mean {}?", near);
}

void SettingsOptions::add_overrides(Flags& flags) const {
  for (const auto& [setting, option] : settings_) {
    if (option->count() == 0) continue;
    const std::string name =
        setting->key == "application" ? "APP_MODULE" : master::long_flag(*setting);
    std::string key{setting->key};
    std::vector<std::string> values = option->results();
    if (setting->kind != master::Kind::list) {
      master::TakenValue taken = master::take_gunicorn_value(*setting, values.back());
      key = taken.key;
      if (const std::string why = wrong_number(*setting, values.back(), taken);
          !why.empty())
        flags.complaints.push_back(why);
      values = {std::move(taken.text)};
      if (!taken.warning.empty()) {
        flags.warnings.push_back(fmt::format("{}: {}", name, taken.warning));
      }
    }
    flags.overrides.push_back({std::move(key), std::move(values), name});
  }
  for (const auto& [flag, option] : gunicorn_) {
    if (option->count() == 0 || flag->becomes.empty()) continue;
    std::string value{flag->value.empty() ? std::string_view{option->results().back()}
                                          : flag->value};
    flags.overrides.push_back(
        {std::string{flag->becomes}, {std::move(value)}, std::string{flag->name()}});
  }
}

void SettingsOptions::tell_gunicorn_flags(Flags& flags) const {
  for (const auto& [flag, option] : gunicorn_) {
    if (!is_asked_for(*flag, *option) || flag->other_service || !flag->becomes.empty())
      continue;
    (flag->harmless ? flags.notes : flags.warnings)
        .push_back(fmt::format("{}: {}", flag->name(), flag->answer));
  }
}

Flags SettingsOptions::flags() const {
  Flags flags{
      complaints(), {}, {}, {}, config_->count() == 0 ? "" : config_->results().back()};
  add_overrides(flags);
  tell_gunicorn_flags(flags);
  return flags;
}

bool SettingsOptions::check_config() const {
  return check_config_->count() != 0 || print_config_->count() != 0;
}

bool SettingsOptions::print_config() const {
  return print_config_->count() != 0;
}

}  // namespace monodon::cli
