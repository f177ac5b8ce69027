// SPDX-License-Identifier: Apache-2.0
// Services of Gunicorn's in a Procfile, a Dockerfile or a configuration of supervisord.
#include "cli/site/process_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "base/text/trimmed.h"
#include "cli/flags/shell_words.h"
#include "cli/site/shell_text.h"
#include "cli/site/supervisor_text.h"
#include "cli/site/systemd_line.h"

namespace monodon::cli {
namespace {

using Words = std::vector<std::string>;

// Lines without comments, and continued ones joined.
Words lines_of(std::string_view text, std::string_view comments) {
  Words lines;
  std::string joined;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && comments.find(line[0]) != std::string_view::npos) continue;
    joined += line;
    if (joined.ends_with('\\')) {
      joined.back() = ' ';
      continue;
    }
    if (!joined.empty()) lines.push_back(std::move(joined));
    joined.clear();
  }
  if (!joined.empty()) lines.push_back(std::move(joined));
  return lines;
}

// Lines of an ini file: one that begins with a blank goes on with the value before it.
Words ini_lines(std::string_view text) {
  Words lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view raw = text.substr(0, end);
    const std::string line = trimmed(raw);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    const bool goes_on = (raw[0] == ' ' || raw[0] == '\t') && !lines.empty() &&
                         lines.back().find('=') != std::string::npos;
    if (!goes_on) {
      lines.push_back(line);
      continue;
    }
    std::string& last = lines.back();
    last = trimmed(last.substr(0, last.find(" ;"))) + " " + line;
  }
  return lines;
}

std::string upper(std::string text) {
  for (char& c : text)
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

// ["a", "b"], or a text for the shell.
Words docker_words(const std::string& value) {
  const auto list = nlohmann::json::parse(value, nullptr, false);
  Words words;
  if (!list.is_array()) return {"sh", "-c", value};
  for (const auto& item : list) {
    if (item.is_string()) words.push_back(item.get<std::string>());
  }
  return words;
}

// $X, ${X} and ${X:-y}, as ENV, WORKDIR and USER of a Dockerfile have them; "${X}"
// where nobody says what X is.
std::string filled(const std::string& text, const Variables& known) {
  const ShellText shell = read_shell_text("=\"" + text + "\"", known);
  return shell.commands.empty() ? text : shell.commands[0][0].substr(1);
}

void add_docker_environment(const std::string& value, const Variables& known,
                            Variables& variables) {
  if (value.substr(0, value.find(' ')).find('=') == std::string::npos) {
    const std::size_t blank = value.find(' ');  // ENV NAME value
    if (blank != std::string::npos)
      variables[value.substr(0, blank)] = filled(trimmed(value.substr(blank)), known);
    return;
  }
  Variables added;
  add_environment(value, {}, added);
  for (const auto& [name, text] : added) variables[name] = filled(text, known);
}

// What the instructions of one stage of a Dockerfile have said so far.
struct Stage {
  Words entry;
  Words command;
  Around around;
  Variables arguments;  // ARG

  [[nodiscard]] Variables known() const {
    Variables all = arguments;
    for (const auto& [name, value] : around.environment) all[name] = value;
    return all;
  }

  void take(const std::string& key, const std::string& value) {
    if (key == "ENTRYPOINT") {
      entry = docker_words(value);
      command.clear();
    } else if (key == "CMD") {
      command = docker_words(value);
    } else if (key == "ENV") {
      add_docker_environment(value, known(), around.environment);
    } else if (key == "ARG") {
      const std::size_t equals = value.find('=');
      if (equals != std::string::npos)
        add_docker_environment(value, known(), arguments);
    } else if (key == "WORKDIR") {
      const std::string path = filled(value, known());
      around.directory = path.starts_with('/') ? path : around.directory + "/" + path;
    } else if (key == "USER") {
      const std::string user = filled(value, known());
      around.user = user.substr(0, user.find(':'));
    }
  }
};

// A="1",B='2': the separators are commas outside of quotes.
void add_supervisor_environment(const std::string& value, Variables& variables) {
  std::string spaced;
  char quote = '\0';
  for (const char c : value) {
    if (c == '"' || c == '\'') quote = quote == c ? '\0' : quote == '\0' ? c : quote;
    spaced += c == ',' && quote == '\0' ? ' ' : c;
  }
  const auto words = shell_words(spaced);
  if (!words) return;
  for (const std::string& word : words.value()) {
    const std::size_t equals = word.find('=');
    if (equals != std::string::npos)
      variables[word.substr(0, equals)] = word.substr(equals + 1);
  }
}

// What a key of a program is for the unit, "" where nothing is lost.
std::string_view in_the_unit(std::string_view key) {
  constexpr std::pair<std::string_view, std::string_view> kKeys[] = {
      {"user", "User= of the unit"},
      {"umask", "UMask= of the unit"},
      {"stopsignal", "SIGTERM, systemd's own, stops gracefully"},
      {"stopwaitsecs", "TimeoutStopSec= of the unit, longer than graceful_timeout"},
      {"autorestart", "Restart= of the unit"},
      {"autostart", "systemctl enable"},
      {"numprocs", "process_num is that of the first; workers is how many there are"},
      {"stdout_logfile", "error_log and access_log name files, or the journal has it"},
      {"stderr_logfile", "error_log names a file, or the journal has it"},
      {"redirect_stderr", "the journal has both"},
      {"stopasgroup", "monodon stops its workers"},
      {"killasgroup", "systemd ends what is left"},
      {"priority", "After= and Before= of the unit"},
      {"serverurl", "not needed"},
  };
  for (const auto& [name, answer] : kKeys)
    if (name == key) return answer;
  return {};
}

struct Program {
  std::string name;
  std::map<std::string, std::string> keys;
};

std::vector<Program> programs_of(std::string_view text) {
  std::vector<Program> programs;
  for (const std::string& line : ini_lines(text)) {
    if (line.starts_with('[')) {
      programs.push_back({line.substr(1, line.find(']') - 1), {}});
    } else if (const std::size_t equals = line.find('='); equals != std::string::npos) {
      std::string value = trimmed(line.substr(equals + 1));
      value = trimmed(value.substr(0, value.find(" ;")));
      if (!programs.empty())
        programs.back().keys[trimmed(line.substr(0, equals))] = value;
    }
  }
  return programs;
}

// The [group:x] that has a program, or its own name.
std::string group_of_program(const std::string& name,
                             const std::vector<Program>& programs) {
  for (const Program& group : programs) {
    const auto members = group.keys.find("programs");
    if (!group.name.starts_with("group:") || members == group.keys.end()) continue;
    std::string list = "," + members->second + ",";
    std::erase(list, ' ');
    if (list.find("," + name + ",") != std::string::npos) return group.name.substr(6);
  }
  return name;
}

// One program; an Error where it is not Gunicorn.
Result<GunicornService> read_program(const Program& program, const std::string& file,
                                     const std::string& directory,
                                     const std::string& group, Around around,
                                     const ReadScript& read_script) {
  const std::string name = program.name.substr(program.name.find(':') + 1);
  const auto number = [&](const char* key, const char* otherwise) {
    const auto found = program.keys.find(key);
    return found == program.keys.end() ? otherwise : found->second;
  };
  Variables known{{"program_name", name},
                  {"group_name", group},
                  {"process_num", number("numprocs_start", "0")},
                  {"here", directory},
                  {"numprocs", number("numprocs", "1")}};
  const auto value = [&](const char* key) {
    const auto found = program.keys.find(key);
    return found == program.keys.end() ? "" : supervisor_text(found->second, known);
  };
  add_supervisor_environment(value("environment"), around.environment);
  for (const auto& [key, text] : around.environment) known["ENV_" + key] = text;
  around.directory = value("directory");
  around.user = value("user");
  auto words = shell_words(value("command"));
  if (!words) return words.error();
  auto service = read_gunicorn_line(words.value(), file, read_script, around);
  if (!service) return service;
  for (const auto& [key, text] : program.keys)
    if (const std::string_view answer = in_the_unit(key); !answer.empty())
      service.value().told.push_back(fmt::format("{}={}: {}", key, text, answer));
  return service;
}

// The first service that is one, or that is `wanted`; others are told.
class Choice {
 public:
  Choice(std::string file, std::string kind, std::string wanted)
      : file_{std::move(file)}, kind_{std::move(kind)}, wanted_{std::move(wanted)} {}

  void offer(const std::string& name, Result<GunicornService> service) {
    if (!service) return;
    if (!found_ && (wanted_.empty() || wanted_ == name)) {
      found_ = std::move(service).value();
      name_ = name;
    } else {
      others_.push_back(name);
    }
  }

  Result<GunicornService> take() {
    if (!found_ && !wanted_.empty() && !others_.empty())
      return Error{fmt::format("{}: has no {} \"{}\" that is Gunicorn; there are {}",
                               file_, kind_, wanted_, fmt::join(others_, ", "))};
    if (!found_)
      return Error{fmt::format("{}: none of its {}{} is Gunicorn", file_, kind_,
                               kind_.ends_with('s') ? "es" : "s")};
    found_->told.push_back(
        fmt::format("{}: this is its {} \"{}\"", file_, kind_, name_));
    if (!others_.empty())
      found_->told.push_back(fmt::format(
          "{}: Gunicorn as well is {}; each is a service of its own: monodon import "
          "--service NAME {}",
          file_, fmt::join(others_, ", "), file_));
    return std::move(*found_);
  }

 private:
  std::string file_;
  std::string kind_;
  std::string wanted_;
  std::optional<GunicornService> found_;
  std::string name_;
  std::vector<std::string> others_;
};

}  // namespace

void tell_user_of_container(GunicornService& service) {
  if (service.user.empty()) return;
  service.told.push_back(fmt::format(
      "user {}: Gunicorn is started as that user, and so must monodon be: User= of the "
      "unit, or USER of the image",
      service.user));
}

Result<GunicornService> read_procfile(std::string_view text, const std::string& name,
                                      const std::string& wanted,
                                      const ReadScript& read_script) {
  Choice choice{name, "process", wanted};
  for (const std::string& line : lines_of(text, "#")) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    choice.offer(line.substr(0, colon),
                 read_gunicorn_line({"sh", "-c", trimmed(line.substr(colon + 1))}, name,
                                    read_script));
  }
  return choice.take();
}

Result<GunicornService> read_dockerfile(std::string_view text, const std::string& name,
                                        const ReadScript& read_script) {
  Stage stage;
  Variables global;  // ARG before the first FROM
  std::map<std::string, Stage> stages;
  std::string called;
  for (const std::string& line : lines_of(text, "#")) {
    const std::size_t blank = line.find(' ');
    if (blank == std::string::npos) continue;
    const std::string key = upper(line.substr(0, blank));
    const std::string value = trimmed(line.substr(blank));
    if (key == "FROM") {
      if (stages.empty() && called.empty()) global = stage.arguments;
      if (!called.empty()) stages[called] = stage;
      Words plain;
      if (const auto words = shell_words(value))
        for (const std::string& word : words.value())
          if (!word.starts_with("--")) plain.push_back(word);
      const std::string base = plain.empty() ? "" : plain[0];
      stage = stages.count(base) != 0 ? stages[base] : Stage{};
      called = plain.size() > 2 ? plain[2] : std::to_string(stages.size());
    } else if (key == "ARG" && global.count(value) != 0) {
      stage.arguments[value] = global[value];
    } else {
      stage.take(key, value);
    }
  }
  stage.entry.insert(stage.entry.end(), stage.command.begin(), stage.command.end());
  auto service = read_gunicorn_line(stage.entry, name, read_script, stage.around);
  if (!service)
    service = read_gunicorn_line(stage.command, name, read_script, stage.around);
  if (service) tell_user_of_container(service.value());
  return service;
}

Result<GunicornService> read_supervisord(std::string_view text, const std::string& name,
                                         const std::string& directory,
                                         const std::string& wanted,
                                         const ReadScript& read_script) {
  Choice choice{name, "program", wanted};
  Around around;
  const std::vector<Program> programs = programs_of(text);
  for (const Program& program : programs) {
    if (program.name == "supervisord" && program.keys.count("environment") != 0)
      add_supervisor_environment(program.keys.at("environment"), around.environment);
    if (!program.name.starts_with("program:") &&
        !program.name.starts_with("fcgi-program:"))
      continue;
    const std::string called = program.name.substr(program.name.find(':') + 1);
    choice.offer(called,
                 read_program(program, name, directory,
                              group_of_program(called, programs), around, read_script));
  }
  return choice.take();
}

Result<GunicornService> choose_service(
    const std::vector<std::pair<std::string, Result<GunicornService>>>& services,
    const std::string& file, const std::string& wanted) {
  Choice choice{file, "service", wanted};
  for (const auto& [name, service] : services) choice.offer(name, service);
  return choice.take();
}

}  // namespace monodon::cli
