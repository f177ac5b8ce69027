// SPDX-License-Identifier: Apache-2.0
// The table of settings as a whole.
#include "master/config/table.h"

#include <algorithm>
#include <array>

#include "base/text/nearest.h"
#include "master/config/rows.h"
#include "master/config/value.h"

namespace monodon::master {
namespace {

// Names that Gunicorn has for a setting, as one would write them in a file.
bool is_flag_name(const Setting& setting, std::string key) {
  std::replace(key.begin(), key.end(), '_', '-');
  const std::string wanted = "--" + key;
  for (std::string_view rest = setting.flags; !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    if (rest.substr(0, comma) == wanted) return true;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return false;
}

}  // namespace

std::span<const Group> setting_groups() {
  static const std::array groups{
      Group{"Application", rows::application()},
      Group{"Listeners", rows::listeners()},
      Group{"Workers", rows::workers()},
      Group{"Recycling of workers", rows::recycling()},
      Group{"Deadlines", rows::deadlines()},
      Group{"Limits of a request", rows::limits()},
      Group{"WebSockets", rows::websockets()},
      Group{"Behind a proxy", rows::proxy()},
      Group{"Responses", rows::responses()},
      Group{"Logs", rows::logs()},
      Group{"Metrics", rows::metrics()},
      Group{"Development", rows::development()},
      Group{"The process", rows::process()},
  };
  return groups;
}

const Setting* find_setting(std::string_view key) {
  for (const Group& group : setting_groups()) {
    for (const Setting& setting : group.settings) {
      if (setting.key == key) return &setting;
    }
  }
  return nullptr;
}

std::string_view nearest_key(std::string_view key) {
  std::string lower{key};
  for (char& c : lower) {
    if (c == '-') c = '_';
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, key.size() / 3) + 1;
  for (const Group& group : setting_groups()) {
    for (const Setting& setting : group.settings) {
      if (is_flag_name(setting, lower)) return setting.key;
      const std::size_t d = edit_distance(lower, setting.key);
      if (d < best_distance) {
        best_distance = d;
        best = setting.key;
      }
    }
  }
  return best;
}

Settings default_settings() {
  Settings settings;
  for (const Group& group : setting_groups()) {
    for (const Setting& setting : group.settings) {
      if (setting.fallback.empty()) continue;
      const std::string text{setting.fallback};
      (void)(setting.kind == Kind::list
                 ? set_list(setting, split_list(setting, {&text, 1}), settings)
                 : set_scalar(setting, text, settings));
    }
  }
  return settings;
}

std::string long_flag(const Setting& setting) {
  std::string flag = "--" + std::string{setting.key};
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

std::string variable(const Setting& setting) {
  std::string name = "MONODON_" + std::string{setting.key};
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return name;
}

}  // namespace monodon::master
