// SPDX-License-Identifier: Apache-2.0
// A service of Gunicorn's in our words, and what differs.
#include "cli/site/import.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/flags/flags.h"
#include "cli/flags/shell_words.h"
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
    {"umask", "the umask is the one of the service (Gunicorn: 0)"},
    {"remote_addr_from_forwarded",
     "REMOTE_ADDR is the client that the proxy names (Gunicorn on a Unix socket: "
     "empty)"},
    {"server_header", "responses say \"Server: monodon\" (Gunicorn: gunicorn)"},
};

// Merges what file, environment and command line say, in that order.
class Importer {
 public:
  explicit Importer(const GunicornService& service) : service_{service} {}

  Imported run() {
    master::CommandLine line;
    line.start_directory = service_.directory;
    read_flags(line);
    for (std::string& complaint : apply_environment(service_.environment, line)) {
      differ(complaint);
    }
    if (!line.config_file.empty()) read_file(line);
    for (const std::string& note : line.notes) differ(note);
    apply(line.environment);
    apply(line.arguments);
    if (keys_.insert("hop_by_hop").second) settings_.worker.hop_by_hop = "drop";
    for (const Difference& difference : kDifferences) {
      if (keys_.count(std::string{difference.key}) == 0) {
        differ(fmt::format("{}: {}", difference.key, difference.text));
      }
    }
    write();
    return std::move(result_);
  }

 private:
  void differ(const std::string& text) { result_.differences.push_back(text); }

  void read_flags(master::CommandLine& line) {
    Result<Flags> flags = parse_flags(service_.flags);
    if (!flags) return result_.problems.push_back(flags.error().what);
    for (const std::string& complaint : flags.value().complaints) differ(complaint);
    line.arguments = std::move(flags.value().overrides);
    line.notes = std::move(flags.value().notes);
    line.config_file = std::move(flags.value().config_file);
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
    const auto python = master::find_interpreter(service_.python, service_.directory);
    if (!python) return result_.problems.push_back(python.error().message());
    const auto said = master::read_gunicorn_config(file, python.value().path,
                                                   service_.directory, service_.user);
    if (!said) return result_.problems.push_back(said.error().message());
    const std::string name = file.substr(file.rfind('/') + 1);
    master::GunicornConfig read = master::translate_gunicorn_config(said.value(), name);
    for (const std::string& note : read.notes) differ(note);
    for (const std::string& warning : read.warnings) differ(warning);
    for (const std::string& hook : read.hooks) differ(hook);
    for (std::string& problem : read.problems) {
      result_.problems.push_back(std::move(problem));
    }
    apply(read.settings);
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
  Imported result_;
};

bool is_gunicorn(std::string_view program) {
  return program.substr(program.rfind('/') + 1).starts_with("gunicorn");
}

}  // namespace

std::vector<std::string> gunicorn_words(const std::string& exec_start) {
  // systemd's prefixes, see systemd.service(5).
  const std::size_t begin = exec_start.find_first_not_of("-@:+!");
  if (begin == std::string::npos) return {};
  auto words = shell_words(std::string_view{exec_start}.substr(begin));
  if (!words || words.value().empty()) return {};
  std::vector<std::string>& all = words.value();
  if (is_gunicorn(all[0])) return std::move(all);
  if (all.size() > 2 && all[1] == "-m" && is_gunicorn(all[2])) {
    all.erase(all.begin() + 1, all.begin() + 3);
    return std::move(all);
  }
  return {};
}

Result<GunicornService> read_gunicorn_unit(const UnitFile& unit,
                                           const std::string& name) {
  GunicornService service;
  service.name = name;
  const std::vector<std::string> words =
      gunicorn_words(unit.value("Service", "ExecStart"));
  if (words.empty()) return Error{name + ": its ExecStart= does not run Gunicorn", 0};
  service.flags.assign(words.begin() + 1, words.end());
  service.directory = unit.value("Service", "WorkingDirectory");
  if (service.directory.starts_with('-')) service.directory.erase(0, 1);
  if (!service.directory.starts_with('/')) service.directory = "/";
  // A name with a specifier is known to systemd only; then whoever owns the file runs
  // it.
  service.user = unit.value("Service", "User");
  if (service.user.find('%') != std::string::npos) service.user.clear();
  // The interpreter of a virtual environment lies beside its gunicorn.
  service.python = words[0];
  if (is_gunicorn(words[0])) {
    const std::string directory = words[0].substr(0, words[0].rfind('/') + 1);
    const bool system = directory.empty() || directory.starts_with("/usr/");
    service.python = system ? "" : directory + "python";
  }
  for (const std::string& line : unit.values("Service", "Environment")) {
    const auto assignments = shell_words(line);
    if (!assignments) continue;
    for (const std::string& text : assignments.value()) {
      const std::size_t equals = text.find('=');
      if (equals == std::string::npos) continue;
      service.environment[text.substr(0, equals)] = text.substr(equals + 1);
    }
  }
  return service;
}

Imported import_service(const GunicornService& service) {
  return Importer{service}.run();
}

}  // namespace monodon::cli
