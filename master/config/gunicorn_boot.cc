// SPDX-License-Identifier: Apache-2.0
// What hooks and applications expect of Gunicorn, for the boot message.
#include "master/config/gunicorn_boot.h"

#include <nlohmann/json.hpp>

#include "master/config/gunicorn_file.h"
#include "master/config/gunicorn_flags.h"
#include "master/config/table.h"
#include "master/config/value.h"

namespace monodon::master {
namespace {

using nlohmann::json;

json number_of(const Setting& setting, const Settings& settings) {
  return with_field(settings, setting.field, [&](const auto& field) -> json {
    using T = std::remove_cvref_t<decltype(field)>;
    if constexpr (std::is_same_v<T, bool>) {
      return field;
    } else if constexpr (std::is_integral_v<T>) {
      return setting.kind == Kind::duration ? field / 1000 : field;
    } else {
      return nullptr;
    }
  });
}

json list_of(const Setting& setting, const Settings& settings) {
  const std::vector<std::string> items = list_items(setting, settings);
  if (setting.key == "secure_scheme_headers") {
    json object = json::object();
    for (const std::string& item : items) {
      const std::size_t equals = item.find('=');
      object[item.substr(0, equals)] = item.substr(equals + 1);
    }
    return object;
  }
  if (setting.key != "python_path") return items;
  std::string joined;
  for (const std::string& item : items) joined += (joined.empty() ? "" : ",") + item;
  return joined.empty() ? json(nullptr) : json(joined);
}

json value_of(const Setting& setting, const Settings& settings) {
  switch (setting.kind) {
    case Kind::flag:
    case Kind::count:
    case Kind::duration:
    case Kind::size:
      return number_of(setting, settings);
    case Kind::list:
      return list_of(setting, settings);
    case Kind::automatic:
      return scalar_text(setting, settings) == "true";
    case Kind::mode:  // umask, which is Gunicorn's word for the mode of its socket
      return settings.socket_mode < 0 ? 0 : 0777 & ~settings.socket_mode;
    case Kind::text:
    case Kind::path:
    case Kind::choice:
      break;
  }
  const std::string text = scalar_text(setting, settings);
  return text.empty() ? json(nullptr) : json(text);
}

// Flags that configure the logging of the application, as the file's settings would.
json for_logging(const CommandLine& line) {
  json all = json::object();
  for (const auto* source : {&line.environment, &line.arguments})
    for (const Override& given : *source)
      for (const GunicornFlag& flag : gunicorn_flags())
        if (flag.value.empty() && !flag.becomes.empty() && given.key == flag.becomes)
          all[given.key] = given.values.back();
  return all;
}

}  // namespace

std::string as_gunicorn_settings(const Settings& settings, const CommandLine& line) {
  json all = json::object();
  for (const GunicornName& name : gunicorn_names()) {
    all[std::string{name.theirs}] = value_of(*find_setting(name.ours), settings);
  }
  all["capture_output"] = settings.worker.application_output == "all";
  all.update(for_logging(line));
  return all.dump(-1, ' ', false, json::error_handler_t::replace);
}

void boot_like_gunicorn(const LoadedConfig& config, worker::Boot& boot) {
  boot.argv = argv_of_application(config.command_line);
  const bool file = is_gunicorn_config(config.config_file);
  if (!file && for_logging(config.command_line).empty()) return;
  if (file) boot.gunicorn_conf = config.config_file;
  boot.gunicorn_settings = as_gunicorn_settings(config.settings, config.command_line);
}

}  // namespace monodon::master
