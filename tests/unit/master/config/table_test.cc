// SPDX-License-Identifier: Apache-2.0
#include "master/config/table.h"

#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "master/config/value.h"
#include "master/config/yaml.h"
#include "worker/wire/boot.h"

using namespace monodon;
using namespace monodon::master;

namespace {

std::vector<const Setting*> all_settings() {
  std::vector<const Setting*> all;
  for (const Group& group : setting_groups()) {
    for (const Setting& setting : group.settings) all.push_back(&setting);
  }
  return all;
}

// A value that is neither the default nor like that of any other setting.
std::string other_value(const Setting& setting, std::size_t number) {
  const std::string n = std::to_string(number);
  switch (setting.kind) {
    case Kind::flag:
      return scalar_text(setting, default_settings()) == "true" ? "false" : "true";
    case Kind::automatic:
      return "true";
    case Kind::count:
      return std::to_string(setting.largest - (number < setting.largest ? number : 0));
    case Kind::duration:
      return std::to_string(1000 + number) + "ms";
    case Kind::size:
      return std::to_string(1025 + number);
    case Kind::mode:
      return "0" + std::to_string(number % 7 + 1) + "40";
    case Kind::choice:
      return std::string{setting.choices.substr(setting.choices.rfind('|') + 1)};
    case Kind::text:
    case Kind::path:
      return "/text/" + n;
    case Kind::list:
      return "[first-" + n + ", second-" + n + "]";
  }
  return {};
}

}  // namespace

TEST_CASE("every field of the worker's settings has a row", "[settings]") {
  const auto json = nlohmann::json::parse(worker::to_json(worker::Boot{}));
  for (const auto& [key, value] : json.at("settings").items()) {
    INFO(key);
    // "static" is a word of C++.
    CHECK(find_setting(key == "static_files" ? "static" : key) != nullptr);
  }
  // The other way: a row whose field boot.cc forgets would be read, printed,
  // documented, and never reach a worker. `workers` is the master's, and told to
  // workers as well.
  std::size_t rows = 0;
  for (const Setting* setting : all_settings()) {
    Settings settings;
    rows += std::visit(
        [&](auto p) {
          return requires {
            settings.worker.*p;
          }
          ? 1U : 0U;
        },
        setting->field);
  }
  CHECK(json.at("settings").size() == rows + 1);
}

TEST_CASE("every field of the master's settings has a row", "[settings]") {
  // Does not compile when a field comes or goes: then the table needs a look as well.
  const auto [worker, bind, backlog, socket_mode, socket_user, socket_group,
              metrics_bind, metrics_hosts, metrics_labels, dashboard, ready_workers,
              ready_when_saturated, agent_bind, agent_drain_refused, workers,
              stop_delay, boot_timeout, max_surge, max_unavailable,
              health_check_timeout, rehearse, rehearse_timeout, observe, fallback,
              restart_pause, restart_pause_longest, reload_extra_files, reload_engine,
              python, user, group, umask, pid_file, runtime_directory] = Settings{};
  std::size_t rows = 0;
  for (const Setting* setting : all_settings()) {
    Settings settings;
    rows += std::visit(
        [&](auto p) {
          return requires {
            settings.*p;
          }
          ? 1U : 0U;
        },
        setting->field);
  }
  CHECK(rows == 33);
}

TEST_CASE("each key sets its own field, and what is set can be written back",
          "[settings]") {
  std::string yaml;
  std::map<std::string_view, std::string> values;
  std::size_t number = 0;
  for (const Setting* setting : all_settings()) {
    values[setting->key] = other_value(*setting, ++number);
    yaml += std::string{setting->key} + ": " + values[setting->key] + "\n";
  }
  Settings settings = default_settings();
  Origins origins;
  REQUIRE(apply_yaml(yaml, "all.yaml", settings, origins).empty());
  CHECK(origins.size() == number);

  const Settings defaults = default_settings();
  for (const Setting* setting : all_settings()) {
    INFO(setting->key);
    if (setting->kind == Kind::list) {
      const auto items = list_items(*setting, settings);
      REQUIRE(items.size() == 2);
      CHECK("[" + items[0] + ", " + items[1] + "]" == values[setting->key]);
    } else {
      CHECK(scalar_text(*setting, settings) == values[setting->key]);
      CHECK(scalar_text(*setting, settings) != scalar_text(*setting, defaults));
    }
  }
}

TEST_CASE("every default is within its own range", "[settings]") {
  for (const Setting* setting : all_settings()) {
    INFO(setting->key);
    Settings settings = default_settings();
    const std::string text = scalar_text(*setting, settings);
    if (setting->kind == Kind::list || (setting->kind == Kind::mode && text.empty())) {
      continue;
    }
    CHECK(set_scalar(*setting, text, settings).empty());
  }
}

TEST_CASE("keys, flags and variables are each named once", "[settings]") {
  std::set<std::string> names;
  for (const Setting* setting : all_settings()) {
    INFO(setting->key);
    CHECK(names.insert(std::string{setting->key}).second);
    CHECK(names.insert(variable(*setting)).second);
    CHECK_FALSE(setting->doc.empty());
    CHECK(setting->doc.back() == '.');
    CHECK(setting->doc.size() <= 88);
  }
}

TEST_CASE("a misspelt key finds the one that was meant", "[settings]") {
  CHECK(nearest_key("workes") == "workers");
  CHECK(nearest_key("max-requests") == "max_requests");
  CHECK(nearest_key("Threads") == "threads");
  CHECK(nearest_key("accesslog") == "access_log");
  // Names that only Gunicorn has.
  CHECK(nearest_key("timeout") == "request_timeout");
  CHECK(nearest_key("chdir") == "directory");
  CHECK(nearest_key("access_logformat") == "access_log_format");
  CHECK(nearest_key("xyzzy_frobnicate").empty());
}

TEST_CASE("values are refused with a reason that says what to write", "[settings]") {
  Settings settings = default_settings();
  const auto set = [&](std::string_view key, std::string_view text) {
    return set_scalar(*find_setting(key), text, settings);
  };
  CHECK(set("workers", "three") == "\"three\" is not a whole number");
  CHECK(set("workers", "0") == "0 is out of range: 1 to 512");
  CHECK(set("workers", "-1") == "\"-1\" is not a whole number");
  CHECK(set("request_timeout", "30 s") ==
        "\"30 s\" is not a duration; write 500ms, 30s, 5m, 2h or a number of seconds");
  CHECK(set("limit_request_body", "1 GB") ==
        "\"1 GB\" is not a size; write 64K, 10M, 1G or a number of bytes");
  CHECK(set("log_level", "loud") ==
        "\"loud\" is not one of: debug, info, warning, error, critical");
  CHECK(set("preload", "maybe") == "\"maybe\" is none of true, false and auto");
  CHECK(set("sendfile", "maybe") == "\"maybe\" is neither true nor false");
  CHECK(set("umask", "22") == "\"22\" is not an octal mode like 0660");
  CHECK(set("umask", "089") == "\"089\" is not an octal mode like 0660");
  CHECK(settings.workers == 1);
  CHECK(settings.umask == -1);
}

TEST_CASE("values have Gunicorn's meaning", "[settings]") {
  Settings settings = default_settings();
  const auto set = [&](std::string_view key, std::string_view text) {
    REQUIRE(set_scalar(*find_setting(key), text, settings).empty());
  };
  set("request_timeout", "120");
  CHECK(settings.worker.request_timeout == 120'000);
  set("keepalive", "5");
  CHECK(settings.worker.keepalive == 5'000);
  set("umask", "0");
  CHECK(settings.umask == 0);
  set("umask", "0o027");
  CHECK(settings.umask == 027);
  set("log_level", "INFO");
  CHECK(settings.worker.log_level == "info");
  set("bind", "unix:/a, 127.0.0.1:80");
  CHECK(settings.bind == std::vector<std::string>{"unix:/a", "127.0.0.1:80"});
  set("environment", "A=1,2");
  CHECK(settings.worker.environment == std::vector<std::string>{"A=1,2"});
}

TEST_CASE("a share of the memory is one, and no number of bytes", "[config]") {
  const Setting& setting = *find_setting("max_memory");
  Settings settings;
  CHECK(set_scalar(setting, "80%", settings).empty());
  CHECK(scalar_text(setting, settings) == "80%");
  CHECK(set_scalar(setting, "512M", settings).empty());
  CHECK(settings.worker.max_memory == 512 * 1024 * 1024);
  for (const char* const wrong : {"0%", "101%", "%", "8 0%", "-1%", "80", "1"})
    CHECK_FALSE(set_scalar(setting, wrong, settings).empty());
  CHECK(set_scalar(setting, "0", settings).empty());
  CHECK(settings.worker.max_memory == 0);
}
