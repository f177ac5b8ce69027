// SPDX-License-Identifier: Apache-2.0
// A service of Gunicorn's, out of a unit or a command line.
#include "cli/site/gunicorn_service.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/file_rights.h"
#include "base/regular_file.h"
#include "cli/site/gunicorn_line.h"
#include "cli/site/systemd_line.h"

namespace monodon::cli {
namespace {

// Of "/opt/site/bin/gunicorn"; "" where the program is found in PATH, or is the
// system's, which its own first line does not bind to a site.
std::string beside(const std::string& program) {
  const std::string directory = program.substr(0, program.rfind('/') + 1);
  const bool system = directory.empty() || directory.starts_with("/usr/bin/") ||
                      directory.starts_with("/bin/");
  return system ? "" : directory + "python";
}

Error no_gunicorn(std::string_view where) {
  return Error{
      fmt::format("{}: no word of it is gunicorn, and none is -m gunicorn", where)};
}

void use_line(GunicornLine line, GunicornService& service) {
  const Wrapper wrapper = judge_wrapper(line);
  if (!wrapper.told.empty()) service.told.push_back(wrapper.told);
  service.wrapper = wrapper.kept;
  service.flags = std::move(line.flags);
  for (auto& [name, value] : line.environment) service.environment[name] = value;
  if (!line.directory.empty()) service.directory = line.directory;
  const bool found_in_path = line.python.find('/') == std::string::npos;
  service.python = line.python.empty() ? beside(line.program)
                   : found_in_path     ? ""
                                       : line.python;
  if (service.python.starts_with("/usr/bin/")) service.python.clear();
}

}  // namespace

Result<GunicornService> read_gunicorn_line(const std::vector<std::string>& words,
                                           const std::string& of) {
  GunicornLine line = find_gunicorn(words);
  if (!line) {
    return no_gunicorn(of + ": Gunicorn is not started there");
  }
  GunicornService service;
  use_line(std::move(line), service);
  return service;
}

Result<GunicornService> read_gunicorn_unit(
    const UnitFile& unit, const std::string& full_name,
    const std::vector<std::string>& environment_files) {
  UnitName name{full_name, unit.value("Service", "User")};
  Variables variables;
  for (const std::string& line : unit.values("Service", "Environment")) {
    add_environment(line, name, variables);
  }
  // Files win, whatever the order of the lines.
  for (const std::string& text : environment_files) {
    add_environment_file(text, variables);
  }
  const ExecLine exec =
      read_exec_line(unit.value("Service", "ExecStart"), name, variables);
  GunicornLine line = find_gunicorn(exec.words);
  if (!line) {
    return no_gunicorn(full_name + ": its ExecStart= does not run Gunicorn");
  }
  GunicornService service;
  service.name = full_name.substr(0, full_name.rfind('.'));
  service.environment = std::move(variables);
  std::vector<std::string> unknown = exec.unknown;
  service.directory =
      without_specifiers(unit.value("Service", "WorkingDirectory"), name, unknown);
  if (service.directory.starts_with('-')) service.directory.erase(0, 1);
  if (service.directory == "~") service.directory.clear();
  if (!service.directory.starts_with('/')) service.directory = "/";
  use_line(std::move(line), service);
  service.user = without_specifiers(name.user, name, unknown);
  service.pid_file =
      without_specifiers(unit.value("Service", "PIDFile"), name, unknown);
  if (!service.pid_file.empty() && !service.pid_file.starts_with('/')) {
    service.pid_file = "/run/" + service.pid_file;
  }
  const std::set<std::string> named{exec.variables.begin(), exec.variables.end()};
  for (const std::string& variable : named) {
    service.told.push_back(
        fmt::format("${}: the settings have the value that it has now, \"{}\"",
                    variable, service.environment[variable]));
  }
  for (const std::string& what :
       std::set<std::string>{unknown.begin(), unknown.end()}) {
    service.told.push_back(
        what.starts_with('%')
            ? fmt::format("{}: only systemd knows what that is{}; set it in the result",
                          what,
                          what == "%i" || what == "%I"
                              ? " (the unit is a template: name an instance)"
                              : "")
            : fmt::format("{}: is not set by the unit, so it is nothing", what));
  }
  if (service.user.find('%') != std::string::npos) service.user.clear();
  return service;
}

void find_python(GunicornService& service) {
  const std::string guess = service.python;
  if (!guess.ends_with("/python")) return;
  const std::string script = guess.substr(0, guess.size() - 6) + "gunicorn";
  const ActingAs acting = as_keeper_of(script);
  const auto text = read_regular_file(script);
  const std::string named =
      text ? interpreter_in(std::string_view{text.value()}.substr(0, 1024)) : "";
  // An environment's own python, which is there, is as good as its python3.
  const bool there = ::access(guess.c_str(), X_OK) == 0;
  const bool same =
      named.substr(0, named.rfind('/')) == guess.substr(0, guess.rfind('/'));
  if (!named.empty() && !(there && same)) {
    service.python = named.starts_with('/') ? named : "";
  } else if (!there) {
    service.told.push_back(fmt::format(
        "python: {} is not on this machine; --python names another one", guess));
  }
}

}  // namespace monodon::cli
