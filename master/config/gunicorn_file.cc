// SPDX-License-Identifier: Apache-2.0
// Settings from a gunicorn.conf.py, which the site's interpreter runs for us.
#include "master/config/gunicorn_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "base/files/file_rights.h"
#include "base/files/regular_file.h"
#include "base/text/number.h"
#include "master/config/gunicorn_flags.h"
#include "master/config/gunicorn_values.h"
#include "master/config/table.h"

namespace monodon::master {
namespace {

using nlohmann::json;

bool is_nothing(const std::string& name, const json& value) {
  if (value.is_null() || (value.is_structured() && value.empty())) return true;
  return asks_for_nothing(name,
                          value.is_string() ? value.get<std::string>() : value.dump());
}

std::string text_of(const json& value, const Setting& setting) {
  if (value.is_string()) return value.get<std::string>();
  // Booleans are numbers to Python.
  const bool number = setting.kind == Kind::count || setting.kind == Kind::duration ||
                      setting.kind == Kind::size;
  if (value.is_boolean() && number) return value.get<bool>() ? "1" : "0";
  if (setting.kind == Kind::mode && value.is_number_unsigned()) {
    return fmt::format("{:04o}", value.get<std::uint64_t>());
  }
  return value.dump();
}

// The texts that our setting takes for it.
std::vector<std::string> texts_of(const json& value, const Setting& setting) {
  std::vector<std::string> texts;
  if (value.is_null()) return texts;
  if (value.is_object()) {
    for (const auto& [key, item] : value.items()) {
      texts.push_back(key + "=" + text_of(item, setting));
    }
  } else if (value.is_array()) {
    for (const json& item : value) texts.push_back(text_of(item, setting));
  } else {
    texts.push_back(text_of(value, setting));
  }
  return texts;
}

class Translator {
 public:
  explicit Translator(std::string_view file) : file_{file} {}

  void value(const std::string& name, const json& value) {
    const auto names = gunicorn_names();
    const auto known = std::find_if(names.begin(), names.end(), [&](const auto& pair) {
      return pair.theirs == name;
    });
    // None is Gunicorn's word for "not set". An empty list or text is a value.
    if (known != names.end()) {
      const Setting& setting = *find_setting(known->ours);
      if (!value.is_null() || setting.trusts) ours(name, setting, value);
    } else if (name == "worker_class") {
      worker_class(value);
    } else if (!is_nothing(name, value)) {
      theirs(name);
    }
  }

  void function(const std::string& name) {
    for (const GunicornHook& hook : gunicorn_hooks()) {
      if (hook.name != name) continue;
      if (hook.called) {
        if (is_of_arbiter(name)) result_.arbiter_hooks.push_back(name);
        result_.hooks.push_back(
            fmt::format("{}: {}: is called as long as this file is "
                        "the configuration; in YAML: {}",
                        file_, name, hook.answer));
      } else {
        result_.warnings.push_back(
            fmt::format("{}: {}: is not called; {}", file_, name, hook.answer));
      }
    }
    if (name == "worker_class") worker_class("<class>");
    if (name == "logger_class") theirs(name);
  }

  GunicornConfig take() {
    // A class of the site's own may know more atoms, and makes the lines itself.
    const std::string of_format = fmt::format("{}: access_log_format: ", file_);
    if (own_logger_)
      std::erase_if(result_.warnings, [&](const std::string& warning) {
        return warning.starts_with(of_format);
      });
    return std::move(result_);
  }

 private:
  static bool is_of_arbiter(std::string_view hook) {
    constexpr std::array<std::string_view, 8> kOfArbiter = {
        "on_starting", "on_reload",  "when_ready",       "pre_fork",
        "pre_exec",    "child_exit", "nworkers_changed", "on_exit"};
    return std::find(kOfArbiter.begin(), kOfArbiter.end(), hook) != kOfArbiter.end();
  }

  void ours(const std::string& name, const Setting& setting, const json& value) {
    std::vector<std::string> texts = texts_of(value, setting);
    if (setting.kind != Kind::list && texts.size() != 1) {
      result_.problems.push_back(fmt::format("{}: {}: must be one value", file_, name));
      return;
    }
    const std::string origin = fmt::format("{}: {}", file_, name);
    std::string key{setting.key};
    if (setting.kind != Kind::list) {
      TakenValue taken = take_gunicorn_value(setting, texts.front());
      key = taken.key;
      texts = {std::move(taken.text)};
      if (!taken.warning.empty()) {
        result_.warnings.push_back(fmt::format("{}: {}", origin, taken.warning));
      }
    }
    result_.settings.push_back({std::move(key), std::move(texts), origin});
  }

  void worker_class(const json& value) {
    if (value.is_null()) return;
    const std::string name =
        value.is_string() ? value.get<std::string>() : value.dump();
    if (const std::string why = refuse_worker_class(name); !why.empty()) {
      result_.problems.push_back(fmt::format("{}: worker_class: {}", file_, why));
    }
  }

  void theirs(const std::string& name) {
    for (const char* logging :
         {"logconfig", "logconfig_dict", "logconfig_json", "logger_class"}) {
      if (name != logging) continue;
      own_logger_ |= name == "logger_class";
      result_.hooks.push_back(fmt::format(
          "{}: {}: configures the logging of the application as long as this "
          "file is the configuration; with YAML the application does that",
          file_, name));
      return;
    }
    for (const GunicornFlag& flag : gunicorn_flags()) {
      if (name_in_file(flag) != name) continue;
      if (!flag.becomes.empty()) {
        result_.settings.push_back({std::string{flag.becomes},
                                    {std::string{flag.value}},
                                    fmt::format("{}: {}", file_, name)});
        return;
      }
      const std::string text = fmt::format("{}: {}: {}", file_, name, flag.answer);
      // Plain HTTP where TLS was asked for is not less, it is something else.
      (flag.other_service ? result_.problems
       : flag.harmless    ? result_.notes
                          : result_.warnings)
          .push_back(text);
      return;
    }
    if (name == "tmp_upload_dir") {
      result_.warnings.push_back(
          fmt::format("{}: {}: has no equivalent; see spool_directory", file_, name));
    }
  }

  std::string_view file_;
  GunicornConfig result_;
  bool own_logger_ = false;
};

// The first line of settings in YAML: "key: value", "---" or "{". Python may have a
// type there: "workers: int = 3".
bool is_yaml_line(std::string_view line) {
  if (line.starts_with("---") || line.starts_with('{') || line.starts_with('%')) {
    return true;
  }
  const std::size_t end = line.find_first_not_of("abcdefghijklmnopqrstuvwxyz_");
  if (end == 0 || end == std::string_view::npos) return false;
  const std::string_view rest = line.substr(end);
  return rest.starts_with(':') && rest.find(" = ") == std::string_view::npos;
}

}  // namespace

bool is_gunicorn_config(const std::string& name) {
  if (name.ends_with(".py") || name.starts_with("python:")) return true;
  if (name.ends_with(".yaml") || name.ends_with(".yml")) return false;
  const ActingAs acting = as_keeper_of(name);
  auto text = read_regular_file(name);
  if (!text) return false;
  std::istringstream file{std::move(text).value()};
  for (std::string line; std::getline(file, line);) {
    const std::size_t begin = line.find_first_not_of(" \t\r");
    if (begin != std::string::npos && line[begin] != '#') return !is_yaml_line(line);
  }
  return false;
}

std::string refuse_worker_class(std::string_view name) {
  constexpr std::array<std::string_view, 6> kKnown = {
      "sync",
      "gthread",
      "egg:gunicorn#sync",
      "egg:gunicorn#gthread",
      "gunicorn.workers.sync.SyncWorker",
      "gunicorn.workers.gthread.ThreadWorker"};
  if (std::find(kKnown.begin(), kKnown.end(), name) != kKnown.end()) return {};
  constexpr std::array<std::string_view, 4> kAsgi = {"vicorn", "ypercorn", "asgi",
                                                     "ASGI"};
  if (std::any_of(kAsgi.begin(), kAsgi.end(), [&](std::string_view part) {
        return name.find(part) != std::string_view::npos;
      }))
    return fmt::format(
        "there is no \"{}\": it is for ASGI applications, which interface: asgi serves",
        name);
  return fmt::format(
      "there is no \"{}\"; sync and gthread are accepted, and threads says how many "
      "requests a worker runs at once",
      name);
}

Result<std::string> read_gunicorn_config(FileToRun file,
                                         std::chrono::milliseconds patience) {
  auto run = FileRun::start(std::move(file));
  if (!run) return run.error();
  run.value()->await(patience);
  return run.value()->values();
}

GunicornConfig translate_gunicorn_config(const std::string& text,
                                         std::string_view name) {
  const json read = json::parse(text, nullptr, false);
  Translator translator{name};
  if (!read.is_object() || !read.contains("values") || !read.contains("functions")) {
    GunicornConfig broken;
    broken.problems.push_back(fmt::format("{}: what it set could not be read", name));
    return broken;
  }
  for (const auto& [key, value] : read["values"].items()) translator.value(key, value);
  for (const json& function : read["functions"]) {
    translator.function(function.is_string() ? function.get<std::string>() : "");
  }
  GunicornConfig config = translator.take();
  for (const json& wrong : read.value("wrong", json::array())) {
    const int line = wrong.at(0).get<int>();  // 0: not known
    config.problems.push_back(fmt::format("{}{}: {}", name,
                                          line > 0 ? fmt::format(":{}", line) : "",
                                          wrong.at(1).get<std::string>()));
  }
  return config;
}

}  // namespace monodon::master
