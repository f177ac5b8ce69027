// SPDX-License-Identifier: Apache-2.0
// A service of Gunicorn's, out of a unit or a command line.
#include "cli/site/gunicorn_service.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <set>

#include "base/files/file_rights.h"
#include "base/files/regular_file.h"
#include "cli/site/gunicorn_line.h"
#include "cli/site/shell_text.h"
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
  return Error{fmt::format(
      "{}: no word of it is gunicorn or uwsgi, and none is -m gunicorn", where)};
}

// "${NAME}" and "$NAME" alike.
bool is_variable(std::string text, std::string_view name) {
  std::erase_if(text, [](char c) { return c == '{' || c == '}'; });
  return text == fmt::format("${}", name);
}

// Values that a shell would have computed and that need no shell here. "" for the
// value: the flag goes.
struct Settled {
  std::string value;
  std::string told;
};
std::optional<Settled> settle(const std::string& name, const std::string& value) {
  if (name == "-b" || name == "--bind") {
    const std::size_t colon = value.rfind(':');
    const std::string host = value.substr(0, std::min(colon, value.size()));
    if (colon != std::string::npos && is_variable(value.substr(colon + 1), "PORT") &&
        (host.empty() || host == "0.0.0.0"))
      return Settled{{}, "is left out: without it monodon listens at $PORT"};
  }
  if (name != "-w" && name != "--workers") return std::nullopt;
  if (is_variable(value, "WEB_CONCURRENCY"))
    return Settled{{}, "is left out: without it monodon reads that variable"};
  if (value == "$(nproc)" || value == "$(nproc --all)" || value == "`nproc`")
    return Settled{"auto", "is auto: one for each core"};
  return std::nullopt;
}

// Gunicorn's flags that stand alone.
bool takes_value(std::string_view name) {
  constexpr std::array<std::string_view, 20> kAlone = {
      "-R",
      "--preload",
      "--reload",
      "-D",
      "--daemon",
      "--capture-output",
      "--no-sendfile",
      "--proxy-protocol",
      "--spew",
      "--reuse-port",
      "--initgroups",
      "--enable-stdio-inheritance",
      "--log-syslog",
      "--check-config",
      "--print-config",
      "--no-preload",
      "--http2",
      "--strip-header-spaces",
      "-h",
      "--disable-redirect-access-to-syslog"};
  return name.starts_with('-') &&
         std::find(kAlone.begin(), kAlone.end(), name) == kAlone.end();
}

// "$X", "${X}", "$(...)", "`...`": not the "$" at the end of a pattern.
bool holds_variable(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] == '`') return true;
    if (text[i] == '$' && (next == '{' || next == '(' || next == '_' ||
                           std::isalpha(static_cast<unsigned char>(next)) != 0))
      return true;
  }
  return false;
}

}  // namespace

void settle_variables(GunicornService& service) {
  std::vector<std::string> flags;
  for (std::size_t i = 0; i < service.flags.size(); ++i) {
    const std::string& word = service.flags[i];
    const std::size_t equals = word.find('=');
    const bool apart = equals == std::string::npos && takes_value(word) &&
                       i + 1 < service.flags.size();
    const std::string name = word.substr(0, equals);
    const std::string value = equals != std::string::npos ? word.substr(equals + 1)
                              : apart                     ? service.flags[i + 1]
                                                          : "";
    const auto settled = settle(name, value);
    if (!settled) {
      if (!holds_variable(word) && !holds_variable(value)) {
        flags.push_back(word);
        continue;
      }
      service.told.push_back(
          fmt::format("{}{}{}: is left out, since what it comes to is not known here: "
                      "set it in the result",
                      word, apart ? " " : "", apart ? value : ""));
      i += apart ? 1 : 0;
      continue;
    }
    if (!settled->value.empty()) flags.push_back(name + "=" + settled->value);
    service.told.push_back(fmt::format("{} {}: {}", name, value, settled->told));
    i += apart ? 1 : 0;
  }
  service.flags = std::move(flags);
}

namespace {

// Where a line starts a script for a shell: what that starts. `words[0]`, or behind sh.
GunicornLine find_in_script(const std::vector<std::string>& words,
                            const ReadScript& read_script, const Variables& known) {
  for (std::size_t i = 0; i < std::min<std::size_t>(words.size(), 3); ++i) {
    const std::string text = read_script(words[i]);
    const std::string first = text.substr(0, text.find('\n'));
    const bool is_script =
        (first.starts_with("#!") && first.ends_with("sh")) || words[i].ends_with(".sh");
    if (!is_script) continue;
    std::vector<std::string> shell{"sh", "-c", text, words[i]};
    shell.insert(shell.end(), words.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                 words.end());
    GunicornLine line = find_gunicorn(shell, known);
    if (line) {
      line.told.push_back(fmt::format(
          "{}: is read, not run: what else it does has to be in the unit", words[i]));
    }
    return line;
  }
  return {};
}

GunicornLine find_line(const std::vector<std::string>& words,
                       const ReadScript& read_script, const Variables& known) {
  GunicornLine line = find_gunicorn(words, known);
  if (line || !read_script) return line;
  line = find_in_script(words, read_script, known);
  // "sh -c './start.sh -w 5'".
  if (line || words.size() != 3 || words[1] != "-c") return line;
  for (std::vector<std::string>& command : read_shell_text(words[2], known).commands) {
    if (command[0] == "exec") command.erase(command.begin());
    line = find_in_script(command, read_script, known);
    if (line) return line;
  }
  return line;
}

void use_line(GunicornLine line, GunicornService& service) {
  const Wrapper wrapper = judge_wrapper(line);
  if (!wrapper.told.empty()) service.told.push_back(wrapper.told);
  service.wrapper = wrapper.kept;
  const std::string started_in = service.directory;
  (line.uwsgi ? service.uwsgi : service.flags) = std::move(line.flags);
  settle_variables(service);
  service.told.insert(service.told.end(), line.told.begin(), line.told.end());
  for (auto& [name, value] : line.environment) {
    service.environment[name] = value;
    service.carried[name] = value;
  }
  if (!line.directory.empty()) {
    const bool below = !line.directory.starts_with('/') && !service.directory.empty();
    service.directory =
        below ? service.directory + "/" + line.directory : line.directory;
    service.changed_to = service.directory;
  }
  const bool found_in_path = line.python.find('/') == std::string::npos;
  service.python = line.python.empty() ? beside(line.program)
                   : found_in_path     ? ""
                                       : line.python;
  service.python = path_below(started_in, service.python);
  if (service.python.starts_with("/usr/bin/")) service.python.clear();
}

}  // namespace

Result<GunicornService> read_gunicorn_line(const std::vector<std::string>& words,
                                           const std::string& of,
                                           const ReadScript& read_script,
                                           const Around& around) {
  GunicornLine line = find_line(words, read_script, around.environment);
  if (!line) {
    return no_gunicorn(of + ": neither Gunicorn nor uWSGI is started there");
  }
  GunicornService service;
  service.environment = service.carried = around.environment;
  service.directory = service.changed_to = around.directory;
  service.user = around.user;
  use_line(std::move(line), service);
  return service;
}

Result<GunicornService> read_gunicorn_unit(
    const UnitFile& unit, const std::string& full_name,
    const std::vector<std::string>& environment_files, const ReadScript& read_script) {
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
  GunicornLine line = find_line(exec.words, read_script, variables);
  if (!line) {
    return no_gunicorn(full_name + ": its ExecStart= runs neither Gunicorn nor uWSGI");
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
            : fmt::format("{}: is set neither by the unit nor by its files", what));
  }
  if (service.user.find('%') != std::string::npos) service.user.clear();
  return service;
}

void find_python(GunicornService& service) {
  const std::string guess = service.python;
  if (!guess.ends_with("/python") || !service.uwsgi.empty()) return;
  if (guess.find('$') != std::string::npos) {
    service.told.push_back(fmt::format(
        "python: {} holds a variable, whose value is not known here: name the "
        "interpreter with --python",
        guess));
    service.python.clear();
    return;
  }
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
