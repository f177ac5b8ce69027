// SPDX-License-Identifier: Apache-2.0
// A service of Gunicorn's in our words, and what differs.
#include "cli/site/import.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/files/file_rights.h"
#include "cli/flags/flags.h"
#include "master/config/check.h"
#include "master/config/docs.h"
#include "master/config/gunicorn_file.h"
#include "master/config/interpreter.h"
#include "master/config/value.h"
#include "master/config/yaml.h"

namespace monodon::cli {
namespace {

using master::Override;

// What is different although nobody said a word about it; not told where the setting
// was given.
struct Difference {
  std::string_view key;
  std::string_view text;
};

constexpr Difference kDifferences[] = {
    {"preload",
     "the application is imported once and forked (Gunicorn: --preload), unless its "
     "import leaves what a fork breaks; a reload brings in new code all the same"},
    {"keepalive",
     "an idle connection is kept for 75s, longer than nginx keeps it (Gunicorn: 2s, "
     "and "
     "none with sync workers)"},
    {"request_timeout",
     "the 30s hold for each request, with threads too: then the client gets 504 "
     "(Gunicorn kills the worker, and with threads does not count requests)"},
    {"limit_request_body", "a request body is at most 1G (Gunicorn: no limit)"},
    {"server_header", "responses say \"Server: monodon\" (Gunicorn: gunicorn)"},
};

// Variables of Gunicorn's that are read here, too.
constexpr const char* kCommon[] = {"WEB_CONCURRENCY", "PORT", "FORWARDED_ALLOW_IPS",
                                   "SENDFILE", "GUNICORN_CMD_ARGS"};

// WEB_CONCURRENCY and its like are defaults to Gunicorn, below its file.
bool is_default(const Override& given) {
  const master::Setting* const setting = master::find_setting(given.key);
  return setting != nullptr && given.origin == setting->environment;
}

// Merges what file, environment and command line say, in that order.
class Importer {
 public:
  explicit Importer(const GunicornService& service) : service_{service} {}

  Imported run() {
    master::CommandLine line;
    line.start_directory = service_.directory;
    for (const std::string& told : service_.told) differ(told);
    if (!service_.wrapper.empty()) {
      differ(fmt::format("{}: monodon has to be started with it, too",
                         fmt::join(service_.wrapper, " ")));
    }
    read_flags(line);
    for (std::string& complaint : apply_environment(known_variables(), line)) {
      differ(complaint);
    }
    std::vector<Override> defaults = line.environment;
    std::erase_if(defaults, [](const Override& given) { return !is_default(given); });
    std::erase_if(line.environment, is_default);
    apply(defaults);
    if (!line.config_file.empty()) read_file(line);
    for (const std::string& note : line.notes) differ(note);
    for (const std::string& warning : line.warnings) differ(warning);
    apply(line.environment);
    apply(line.arguments);
    tell_complaints();
    carry_environment();
    carry_directory();
    if (keys_.insert("hop_by_hop").second) settings_.worker.hop_by_hop = "drop";
    leave_pid_file();
    tell_precedence();
    for (const Difference& difference : kDifferences) {
      if (keys_.count(std::string{difference.key}) == 0) {
        differ(fmt::format("{}: {}", difference.key, difference.text));
      }
    }
    if (keys_.count("remote_addr_from_forwarded") == 0) tell_remote_addr();
    write();
    return std::move(result_);
  }

 private:
  void differ(const std::string& text) { result_.differences.push_back(text); }

  void tell_remote_addr() {
    const bool any_unix =
        std::any_of(settings_.bind.begin(), settings_.bind.end(),
                    [](const std::string& bind) { return bind.starts_with("unix:"); });
    differ(
        fmt::format("remote_addr_from_forwarded: REMOTE_ADDR is the client that the "
                    "proxy names (Gunicorn: {})",
                    any_unix ? "empty, on a Unix socket" : "the proxy"));
  }

  // "PORT=$PORT gunicorn" says nothing of the value.
  Variables known_variables() {
    Variables known = service_.environment;
    for (const char* name : kCommon) {
      const auto found = known.find(name);
      if (found == known.end() || found->second.find('$') == std::string::npos)
        continue;
      differ(
          fmt::format("{}={}: holds a variable, whose value is not known here: "
                      "monodon reads {} itself",
                      name, found->second, name));
      known.erase(found);
    }
    return known;
  }

  // Variables that stood before the command, or in a file that is no unit. -e wins, as
  // it does with Gunicorn.
  void carry_environment() {
    std::vector<std::string>& ours = settings_.worker.environment;
    std::vector<std::string> carried;
    for (const auto& [name, value] : service_.carried) {
      const std::string start = name + "=";
      const bool common =
          std::find(std::begin(kCommon), std::end(kCommon), name) != std::end(kCommon);
      const bool given = std::any_of(
          ours.begin(), ours.end(),
          [&](const std::string& entry) { return entry.starts_with(start); });
      if (common || given || name.starts_with("MONODON_")) continue;
      if (name == "PYTHONPATH") {
        carry_python_path(value);
      } else if (is_for_the_start(name)) {
        differ(
            fmt::format("{}: acts on the interpreter as it starts, so it is not in "
                        "the settings: Environment={}={} in the unit",
                        name, name, value));
      } else if (value.find('$') != std::string::npos) {
        differ(
            fmt::format("{}={}: holds a variable, whose value is not known here: set "
                        "it in environment",
                        name, value));
      } else {
        carried.push_back(start + value);
      }
    }
    if (carried.empty()) return;
    ours.insert(ours.begin(), carried.begin(), carried.end());
    keys_.insert("environment");
  }

  static bool is_for_the_start(std::string_view name) {
    return name.starts_with("PYTHON") || name.starts_with("LD_") ||
           name.starts_with("MALLOC_") || name == "PATH" || name == "VIRTUAL_ENV";
  }

  // "/srv/lib:$PYTHONPATH", "/srv/lib${PYTHONPATH:+:$PYTHONPATH}".
  void carry_python_path(std::string value) {
    for (std::size_t at = 0; (at = value.find('$', at)) != std::string::npos;) {
      const bool braces = value.compare(at, 2, "${") == 0;
      const std::size_t end = braces ? value.find('}', at) : value.find(':', at);
      const std::size_t size = std::min(end, value.size()) - at + (braces ? 1 : 0);
      differ(fmt::format(
          "PYTHONPATH: {} is not known here: what it has goes into python_path",
          value.substr(at, size)));
      value.erase(at, size);
    }
    // The last of python_path is searched first, and PYTHONPATH behind the others.
    std::vector<std::string>& ours = settings_.worker.python_path;
    for (std::size_t begin = 0; begin <= value.size();) {
      const std::size_t end = std::min(value.find(':', begin), value.size());
      if (end > begin) ours.insert(ours.begin(), value.substr(begin, end - begin));
      begin = end + 1;
    }
    keys_.insert("python_path");
    differ(
        "PYTHONPATH: is in python_path, which is searched before the directory of the "
        "application (Gunicorn: after it)");
  }

  void carry_directory() {
    if (service_.changed_to.empty()) return;
    std::string& ours = settings_.worker.directory;
    if (keys_.insert("directory").second)
      ours = service_.changed_to;
    else if (!ours.starts_with('/'))
      ours = service_.changed_to + "/" + ours;
  }

  // systemd needs none of a service that is Type=notify, and its directory is another.
  void leave_pid_file() {
    if (service_.pid_file.empty() || settings_.pid_file != service_.pid_file) return;
    keys_.erase("pid_file");
    differ("pid_file: is left out with PIDFile=, as systemd knows the process");
  }

  // Here a variable wins over the file, and so over what was a flag.
  void tell_precedence() {
    for (const char* name : kCommon) {
      if (service_.environment.count(name) == 0 || service_.carried.count(name) != 0)
        continue;
      result_.variables.emplace_back(name);
      differ(
          fmt::format("{}: is in the settings above; the variable would win over "
                      "them, so the unit must not set it for monodon",
                      name));
    }
  }

  void read_flags(master::CommandLine& line) {
    Result<Flags> flags = parse_flags(service_.flags);
    if (!flags) return result_.problems.push_back(flags.error().what);
    complaints_ = std::move(flags.value().complaints);
    line.arguments = std::move(flags.value().overrides);
    line.notes = std::move(flags.value().notes);
    line.warnings = std::move(flags.value().warnings);
    line.config_file = std::move(flags.value().config_file);
  }

  // Flags that are refused; not values that are told as problems already.
  void tell_complaints() {
    for (const std::string& complaint : complaints_) {
      const std::string why = complaint.substr(complaint.find(": ") + 2);
      const bool told = std::any_of(
          result_.problems.begin(), result_.problems.end(),
          [&](const std::string& problem) { return problem.ends_with(why); });
      if (!told) differ(complaint);
    }
  }

  void read_file(const master::CommandLine& line) {
    std::string file = line.config_file;
    if (file.starts_with("file:")) file.erase(0, 5);
    if (!master::is_gunicorn_config(file)) {
      return result_.problems.push_back(
          fmt::format("{}: is not a file of Gunicorn", file));
    }
    if (!file.starts_with("python:") && !file.starts_with('/')) {
      file = service_.directory + "/" + file;
    }
    std::error_code error;
    if (!std::filesystem::is_directory(service_.directory, error))
      return result_.problems.push_back(fmt::format(
          "{}: is not read, so what it sets is missing in these settings: {}, where "
          "the "
          "service starts, is no directory here; name the one that it is here with "
          "--chdir",
          line.config_file, service_.directory));
    const auto python = master::find_interpreter(service_.python, service_.directory);
    if (!python)
      return result_.problems.push_back(
          fmt::format("{}: is not read, so what it sets is missing in these settings; "
                      "it needs an interpreter, see --python: {}",
                      file, python.error().message()));
    const std::chrono::milliseconds patience{settings_.boot_timeout};
    const auto said = master::read_gunicorn_config({.name = file,
                                                    .python = python.value().path,
                                                    .directory = service_.directory,
                                                    .argv = {},
                                                    .user = user_here(),
                                                    .group = {},
                                                    .environment = file_environment()},
                                                   patience);
    if (!said) return result_.problems.push_back(said.error().message());
    const std::string name = file.substr(file.rfind('/') + 1);
    master::GunicornConfig read = master::translate_gunicorn_config(said.value(), name);
    differ(fmt::format(
        "{}: its values are those that it has here and now; what it computes, from the "
        "cores or a variable, stays as it is in the settings",
        name));
    for (const std::string& note : read.notes) differ(note);
    for (const std::string& warning : read.warnings) differ(warning);
    for (const std::string& hook : read.hooks) differ(hook);
    for (std::string& problem : read.problems) {
      result_.problems.push_back(std::move(problem));
    }
    apply(read.settings);
  }

  // That of a container need not be on this machine; then the file's owner runs it.
  [[nodiscard]] std::string user_here() const {
    return find_credentials(service_.user) ? service_.user : "";
  }

  // Variables that the service is started with. What acts on the interpreter, or says
  // which programs are found, stays that of whoever imports.
  [[nodiscard]] std::vector<std::string> file_environment() const {
    std::vector<std::string> entries;
    for (const auto& [name, value] : service_.environment)
      if ((!is_for_the_start(name) || name == "PYTHONPATH") &&
          value.find('$') == std::string::npos)
        entries.push_back(name + "=" + value);
    return entries;
  }

  void apply(const std::vector<Override>& overrides) {
    for (const Override& given : overrides) {
      const master::Setting* const setting = master::find_setting(given.key);
      if (setting == nullptr) continue;
      const std::string wrong =
          setting->kind == master::Kind::list
              ? set_list(*setting, split_list(*setting, given.values), settings_)
              : set_scalar(*setting, given.values.back(), settings_);
      if (wrong.empty()) {
        keys_.insert(given.key);
      } else {
        result_.problems.push_back(given.origin + ": " + wrong);
      }
    }
  }

  // What is printed is what our own reader makes of it, or it is a problem.
  void write() {
    const auto found_anyway = [&](const char* name) {
      return service_.python == service_.directory + "/" + name + "/bin/python";
    };
    if (!service_.python.empty() && !found_anyway(".venv") && !found_anyway("venv")) {
      settings_.python = service_.python;
      keys_.insert("python");
    }
    result_.yaml = master::settings_as_yaml(settings_, keys_);
    result_.application = settings_.worker.application;
    result_.access_log = settings_.worker.access_log;
    result_.error_log = settings_.worker.error_log;
    result_.bind = settings_.bind;
    result_.wrapper = service_.wrapper;
    result_.graceful_timeout = settings_.worker.graceful_timeout;
    master::Settings again = master::default_settings();
    master::Origins origins;
    for (std::string& problem :
         master::apply_yaml(result_.yaml, "monodon.yaml", again, origins)) {
      result_.problems.push_back(std::move(problem));
    }
    again.worker.directory = service_.directory;
    if (again.worker.application.find(':') == std::string::npos &&
        !again.worker.application.empty()) {
      again.worker.application += ":application";
    }
    for (const master::Finding& finding : master::check_settings(again)) {
      std::string text = fmt::format("{}: {}", finding.key, finding.text);
      if (finding.weight == master::Finding::Weight::problem) {
        result_.problems.push_back(std::move(text));
      } else {
        differ(text);
      }
    }
  }

  const GunicornService& service_;
  master::Settings settings_ = master::default_settings();
  std::set<std::string> keys_;
  std::vector<std::string> complaints_;
  Imported result_;
};

}  // namespace

Imported import_service(const GunicornService& service) {
  return Importer{service}.run();
}

}  // namespace monodon::cli
