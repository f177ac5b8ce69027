// SPDX-License-Identifier: Apache-2.0
// All sources of settings, merged by rank and checked.
#include "master/config/load.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/files/file_rights.h"
#include "base/files/regular_file.h"
#include "base/machine/cpu_count.h"
#include "base/machine/memory_size.h"
#include "base/result.h"
#include "base/text/number.h"
#include "master/config/address.h"
#include "master/config/check.h"
#include "master/config/check_host.h"
#include "master/config/file_run.h"
#include "master/config/gunicorn_file.h"
#include "master/config/interpreter.h"
#include "master/config/table.h"
#include "master/config/value.h"
#include "master/config/yaml.h"

namespace monodon::master {
namespace {

// Override::origin of what cli/dev/dev_settings.cc sets by itself.
constexpr const char* kOriginOfDev = "monodon dev";
constexpr std::size_t kLargestFile = 1024 * 1024;

std::string absolute(std::string_view path, std::string_view directory) {
  if (path.starts_with('/')) return std::string{path};
  return fmt::format("{}/{}", directory, path);
}

// What to serve, where it is plain to see; "" elsewhere.
std::string django_in(const std::string& directory) {
  if (::access((directory + "/manage.py").c_str(), F_OK) != 0) return {};
  std::error_code error;
  std::string found;
  for (const auto& entry : std::filesystem::directory_iterator{directory, error}) {
    if (::access((entry.path() / "wsgi.py").c_str(), F_OK) != 0) continue;
    if (!found.empty()) return {};
    found = entry.path().filename();
  }
  if (found.empty()) return {};
  return fmt::format("is missing; this looks like Django: monodon serve {}.wsgi",
                     found);
}

Result<std::string> read_file(const std::string& path) {
  // A problem is told with the words of the file: let no link make it another one.
  const ActingAs acting = as_keeper_of(path);
  auto text = read_regular_file(path, kLargestFile);
  if (text) return text;
  const Error& why = text.error();
  if (why.code == EFBIG) return Error{why.what + ": larger than 1 MiB", 0};
  return Error{why.what + acting.why(), why.code};
}

// The file to read: "" for none.
std::string choose_file(const CommandLine& line) {
  const auto is_file = [&](std::string_view name) {
    return ::access(absolute(name, line.start_directory).c_str(), F_OK) == 0;
  };
  std::string_view name = line.config_file;
  if (name.empty()) {
    if (is_file("monodon.yaml")) {
      name = "monodon.yaml";
    } else if (is_file("gunicorn.conf.py")) {
      name = "gunicorn.conf.py";
    } else {
      return {};
    }
  }
  if (name.starts_with("python:")) return std::string{name};
  if (name.starts_with("file:")) name.remove_prefix(5);
  return absolute(name, line.start_directory);
}

// Of the command line or the environment: the interpreter and the directory that a
// Python file runs in cannot come from that file.
std::string override_of(const CommandLine& line, std::string_view key) {
  std::string value;
  for (const auto* source : {&line.environment, &line.arguments}) {
    for (const Override& given : *source) {
      if (given.key == key && !given.values.empty()) value = given.values.back();
    }
  }
  return value;
}

class Loader {
 public:
  Loader(const CommandLine& line, std::shared_ptr<FileRun> over)
      : line_{line}, run_{std::move(over)} {
    loaded_.settings = default_settings();
    loaded_.command_line = line;
    loaded_.notes = line.notes;
    loaded_.warnings = line.warnings;
  }

  ConfigResult load() {
    // One that was not read says nothing about what is missing in it.
    if (!file())
      return {std::nullopt, std::move(problems_), run_ ? run_->exit_status() : 1};
    apply(environment_over_file());
    apply(line_.arguments);
    complete();
    report(check_settings(loaded_.settings));
    report(check_host(loaded_.settings));
    tell_user_of_hooks();
    if (!problems_.empty()) return {std::nullopt, std::move(problems_)};
    finish();
    return {std::move(loaded_), {}};
  }

 private:
  bool from_yaml() const {
    return !loaded_.config_file.empty() && !is_gunicorn_config(loaded_.config_file);
  }

  // False, with the problem: it cannot be read.
  bool file() {
    loaded_.config_file = choose_file(line_);
    if (loaded_.config_file.empty()) return true;
    const bool python = is_gunicorn_config(loaded_.config_file);
    Result<std::string> text =
        python ? run_python_file() : read_file(loaded_.config_file);
    if (!text) {
      problems_.push_back(text.error().message());
      return false;
    }
    loaded_.config_text = std::move(text.value());
    if (python) {
      apply_python_file();
      return true;
    }
    problems_ = apply_yaml(loaded_.config_text, loaded_.config_file, loaded_.settings,
                           origins_);
    const auto is_told = [&](const char* what) {
      return !problems_.empty() && problems_.front().find(what) != std::string::npos;
    };
    return !is_told(": not YAML: ") && !is_told(": must be settings, a line each");
  }

  Result<std::string> run_python_file() {
    if (!run_) {
      auto begun = begin_file(line_);
      if (!begun) return begun.error();
      run_ = std::move(begun.value().run);
      run_->await(begun.value().patience);
    }
    auto values = run_->values();
    if (values) loaded_.file_run = run_;
    return values;
  }

  void apply_python_file() {
    const std::string& file = loaded_.config_file;
    GunicornConfig read = translate_gunicorn_config(loaded_.config_text, file);
    problems_ = std::move(read.problems);
    for (std::string& note : read.notes) loaded_.notes.push_back(std::move(note));
    for (std::string& warning : read.warnings)
      loaded_.warnings.push_back(std::move(warning));
    arbiter_hooks_ = std::move(read.arbiter_hooks);
    apply(defaults_of_gunicorn());
    apply(read.settings);
  }

  // WEB_CONCURRENCY and its like are defaults to Gunicorn: its own file wins over them.
  // A monodon.yaml does not.
  bool is_default(const Override& given) const {
    const Setting* const setting = find_setting(given.key);
    return !from_yaml() && setting != nullptr && given.origin == setting->environment;
  }

  std::vector<Override> defaults_of_gunicorn() const {
    std::vector<Override> defaults = line_.environment;
    std::erase_if(defaults, [&](const Override& given) { return !is_default(given); });
    return defaults;
  }

  std::vector<Override> environment_over_file() const {
    std::vector<Override> over = line_.environment;
    if (loaded_.config_file.empty()) return over;
    std::erase_if(over, [&](const Override& given) { return is_default(given); });
    return over;
  }

  void apply(const std::vector<Override>& overrides) {
    for (const Override& given : overrides) {
      const Setting* const setting = find_setting(given.key);
      if (setting == nullptr) continue;
      const std::string wrong =
          setting->kind == Kind::list
              ? set_list(*setting, split_list(*setting, given.values), loaded_.settings)
              : set_scalar(*setting, given.values.back(), loaded_.settings);
      if (!wrong.empty()) problems_.push_back(given.origin + ": " + wrong);
      note_override(*setting, given);
      origins_[given.key] = given.origin;
    }
  }

  // A variable that others set too and that beats the file surprises: say so.
  void note_override(const Setting& setting, const Override& given) {
    const auto before = origins_.find(given.key);
    if (before == origins_.end() || given.origin != setting.environment) return;
    loaded_.notes.push_back(fmt::format("{}: {} in the environment replaces {}",
                                        given.key, given.origin, before->second));
  }

  // What follows from other settings, and paths that a reload must not read anew
  // against another directory.
  void complete() {
    Settings& s = loaded_.settings;
    worker::Settings& w = s.worker;
    // Who comes from Gunicorn, with what it takes, has views that rely on it.
    if (origins_.count("hop_by_hop") == 0 && !from_yaml()) w.hop_by_hop = "drop";
    // The next edit would wait for the end of both.
    loaded_.observe_given = origins_.count("observe") != 0;
    if (w.reload && !loaded_.observe_given) s.observe = 0;
    if (w.reload && origins_.count("fallback") == 0) s.fallback = 0;
    w.directory = w.directory.empty() ? line_.start_directory
                                      : absolute(w.directory, line_.start_directory);
    for (const Group& group : setting_groups()) {
      for (const Setting& setting : group.settings) {
        if (setting.kind != Kind::path || setting.key == "python") continue;
        std::string path = scalar_text(setting, s);
        if (!path.empty() && path != "-") {
          (void)set_scalar(setting, absolute(path, w.directory), s);
        }
      }
    }
    for (std::string& path : w.python_path) path = absolute(path, w.directory);
    for (std::string& item : w.static_files) {
      const std::size_t equals = item.find('=');
      // The check says so.
      if (equals == std::string::npos || equals + 1 == item.size()) continue;
      std::string prefix = item.substr(0, equals);
      while (prefix.size() > 1 && prefix.back() == '/') prefix.pop_back();
      item = prefix + "=" + absolute(item.substr(equals + 1), w.directory);
    }
    // dev's own four are for WSGI: one loop serves all requests of a worker.
    if (w.interface == "asgi" && origins_.count("threads") != 0 &&
        origins_["threads"] == kOriginOfDev)
      w.threads = 1;
    // The check has a word on a file.
    if (!w.application.empty() && w.application.find(':') == std::string::npos &&
        !w.application.ends_with(".py")) {
      w.application += ":application";
    }
    if (w.name.empty()) w.name = w.application;
    if (s.workers == 0) count_cores();
    w.workers = s.workers;
    if (w.max_memory >= 1 && w.max_memory <= 100) share_memory();
    const auto largest_for_zero = [](std::string_view key, std::uint64_t& value) {
      if (value == 0) value = find_setting(key)->largest;
    };
    largest_for_zero("limit_request_line", w.limit_request_line);
    largest_for_zero("limit_request_fields", w.limit_request_fields);
    largest_for_zero("limit_request_field_size", w.limit_request_field_size);
  }

  void count_cores() {
    Settings& s = loaded_.settings;
    const std::uint64_t most = find_setting("workers")->largest;
    s.workers =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(usable_cores(), most));
    loaded_.notes.push_back(fmt::format(
        "workers: auto is {}, the cores there are for this server", s.workers));
  }

  void share_memory() {
    worker::Settings& w = loaded_.settings.worker;
    const std::uint64_t share = std::exchange(w.max_memory, 0);
    const std::uint64_t bytes = usable_memory();
    if (bytes == 0) {
      problems_.push_back(fmt::format(
          "max_memory: {}%: nothing says how much memory there is; give a size",
          share));
      return;
    }
    w.max_memory = bytes / 100 * share / w.workers;
    loaded_.notes.push_back(
        fmt::format("max_memory: {}% of {} is {} for each of {} workers", share,
                    format_size(bytes), format_size(w.max_memory), w.workers));
  }

  // Gunicorn's arbiter stays root, and its hooks run in it.
  void tell_user_of_hooks() {
    const std::string& user = loaded_.settings.user;
    if (arbiter_hooks_.empty() || ::geteuid() != 0 || user.empty() || user == "root" ||
        user == "0")
      return;
    loaded_.warnings.push_back(
        fmt::format("{}: {}: run as user {} here; Gunicorn runs them as root, so what "
                    "only root may do belongs into the unit (ExecStartPre=+...)",
                    loaded_.config_file, fmt::join(arbiter_hooks_, ", "), user));
  }

  void report(const std::vector<Finding>& findings) {
    for (const Finding& finding : findings) {
      const auto origin = origins_.find(finding.key);
      // Who wrote "app.py" knows no APP_MODULE.
      const bool given = origin != origins_.end() && origin->second != "APP_MODULE";
      const std::string hint =
          finding.key == "application" && loaded_.settings.worker.application.empty()
              ? django_in(loaded_.settings.worker.directory)
              : std::string{};
      const std::string text =
          fmt::format("{}{}{}: {}", given ? origin->second : "", given ? ": " : "",
                      finding.key, hint.empty() ? finding.text : hint);
      (finding.weight == Finding::Weight::problem ? problems_ : loaded_.warnings)
          .push_back(text);
    }
  }

  // Only for settings that were checked.
  void finish() {
    Settings& s = loaded_.settings;
    for (std::string& address : s.bind) {
      address = canonical_address(address, s.worker.directory).value();
    }
    if (s.metrics_bind != "off")
      s.metrics_bind = canonical_address(s.metrics_bind, s.worker.directory).value();
    if (s.socket_mode < 0) s.socket_mode = 0777 & ~std::max(s.umask, 0);
  }

  const CommandLine& line_;
  std::shared_ptr<FileRun> run_;
  LoadedConfig loaded_;
  Origins origins_;
  std::vector<std::string> problems_;
  std::vector<std::string> arbiter_hooks_;
};

}  // namespace

std::vector<std::string> argv_of_application(const CommandLine& line) {
  std::vector<std::string> argv = line.argv;
  if (argv.size() > 1) argv.erase(argv.begin() + 1);
  return argv;
}

Result<BegunFile> begin_file(const CommandLine& line) {
  BegunFile begun;
  const std::string file = choose_file(line);
  if (file.empty() || !is_gunicorn_config(file)) return begun;
  std::string directory = override_of(line, "directory");
  directory = directory.empty() ? line.start_directory
                                : absolute(directory, line.start_directory);
  const auto python = find_interpreter(override_of(line, "python"), directory);
  if (!python) return python.error();
  auto run = FileRun::start({.name = file,
                             .python = release_of(python.value().path),
                             .directory = std::move(directory),
                             .argv = argv_of_application(line),
                             .user = line.user,
                             .group = override_of(line, "group")});
  if (!run) return run.error();
  begun.run = std::move(run).value();
  begun.patience =
      std::chrono::milliseconds{parse_duration_ms(override_of(line, "boot_timeout"))
                                    .value_or(default_settings().boot_timeout)};
  return begun;
}

ConfigResult load_config(const CommandLine& command_line) {
  return load_config(command_line, nullptr);
}

ConfigResult load_config(const CommandLine& command_line,
                         const std::shared_ptr<FileRun>& over) {
  return Loader{command_line, over}.load();
}

}  // namespace monodon::master
