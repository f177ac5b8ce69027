// SPDX-License-Identifier: Apache-2.0
// Services of Gunicorn's in a Procfile, a Dockerfile or a configuration of supervisord.
#include "cli/site/process_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/text/trimmed.h"
#include "cli/flags/shell_words.h"
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

// As a shell would start it: what it makes of variables is not known here.
Result<GunicornService> read_shell(const std::string& command, const std::string& of) {
  return read_gunicorn_line({"sh", "-c", command}, of);
}

void tell_variables(GunicornService& service) {
  for (const std::string& word : service.flags) {
    if (word.find('$') == std::string::npos) continue;
    service.told.push_back(fmt::format(
        "{}: holds a variable, whose value is not known here: set it in the result",
        word));
  }
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

void add_docker_environment(const std::string& value, Variables& variables) {
  if (value.find('=') == std::string::npos) {  // ENV NAME value
    const std::size_t blank = value.find(' ');
    if (blank != std::string::npos)
      variables[value.substr(0, blank)] = trimmed(value.substr(blank));
    return;
  }
  add_environment(value, {}, variables);
}

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

// Its %(...)s: "%%" and %(here)s; %(ENV_X)s is $X to us, and told; others stay.
std::string supervisor_text(const std::string& value, const std::string& directory) {
  std::string text;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value.compare(i, 2, "%%") == 0) {
      text += value[i++];
    } else if (value.compare(i, 8, "%(here)s") == 0) {
      text += directory;
      i += 7;
    } else if (const std::size_t end = value.find(")s", i);
               value.compare(i, 6, "%(ENV_") == 0 && end != std::string::npos) {
      text += "${" + value.substr(i + 6, end - i - 6) + "}";
      i = end + 1;
    } else {
      text += value[i];
    }
  }
  return text;
}

}  // namespace

Result<GunicornService> read_procfile(std::string_view text, const std::string& name) {
  for (const std::string& line : lines_of(text, "#")) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    auto service = read_shell(trimmed(line.substr(colon + 1)), name);
    if (!service) continue;
    service.value().told.push_back(
        fmt::format("{}: this is its process \"{}\"", name, line.substr(0, colon)));
    tell_variables(service.value());
    return service;
  }
  return Error{name + ": none of its processes is Gunicorn"};
}

Result<GunicornService> read_dockerfile(std::string_view text,
                                        const std::string& name) {
  Words entry;
  Words command;
  GunicornService around;
  for (const std::string& line : lines_of(text, "#")) {
    const std::size_t blank = line.find(' ');
    if (blank == std::string::npos) continue;
    const std::string key = upper(line.substr(0, blank));
    const std::string value = trimmed(line.substr(blank));
    if (key == "FROM") {
      around = {};
      entry.clear();
      command.clear();
    } else if (key == "ENTRYPOINT") {
      entry = docker_words(value);
      command.clear();
    } else if (key == "CMD") {
      command = docker_words(value);
    } else if (key == "ENV") {
      add_docker_environment(value, around.environment);
    } else if (key == "WORKDIR") {
      around.directory =
          value.starts_with('/') ? value : around.directory + "/" + value;
    } else if (key == "USER") {
      around.user = value.substr(0, value.find(':'));
    }
  }
  entry.insert(entry.end(), command.begin(), command.end());
  auto service = read_gunicorn_line(entry, name);
  if (!service) service = read_gunicorn_line(command, name);
  if (!service) return service;
  for (auto& [key, value] : around.environment) {
    service.value().environment.emplace(key, value);
  }
  if (service.value().directory.empty()) service.value().directory = around.directory;
  service.value().user = around.user;
  tell_variables(service.value());
  return service;
}

Result<GunicornService> read_supervisord(std::string_view text, const std::string& name,
                                         const std::string& directory) {
  GunicornService around;
  std::string command;
  std::string program;
  Result<GunicornService> found = Error{name + ": none of its programs is Gunicorn"};
  const auto end_section = [&] {
    if (found || command.empty()) return;
    auto words = shell_words(command);
    auto service = words ? read_gunicorn_line(words.value(), name) : words.error();
    if (!service) return;
    for (auto& [key, value] : around.environment) {
      service.value().environment.emplace(key, value);
    }
    if (service.value().directory.empty()) service.value().directory = around.directory;
    service.value().user = around.user;
    tell_variables(service.value());
    service.value().told.push_back(fmt::format(
        "{}: this is its program \"{}\"; autorestart, stopwaitsecs, numprocs "
        "and the log files of supervisord are matters of the unit",
        name, program));
    found = std::move(service);
  };
  for (const std::string& line : ini_lines(text)) {
    if (line.starts_with('[')) {
      end_section();
      around = {};
      command.clear();
      program = line.starts_with("[program:") ? line.substr(9, line.find(']') - 9) : "";
      continue;
    }
    const std::size_t equals = line.find('=');
    if (program.empty() || equals == std::string::npos) continue;
    const std::string key = trimmed(line.substr(0, equals));
    std::string value = supervisor_text(trimmed(line.substr(equals + 1)), directory);
    value = trimmed(value.substr(0, value.find(" ;")));
    if (key == "command") command = value;
    if (key == "directory") around.directory = value;
    if (key == "user") around.user = value;
    if (key == "environment") add_supervisor_environment(value, around.environment);
  }
  end_section();
  return found;
}

}  // namespace monodon::cli
