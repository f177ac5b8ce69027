// SPDX-License-Identifier: Apache-2.0
// A service of Gunicorn's in a compose file.
#include "cli/site/compose_file.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <utility>
#include <vector>

#include "cli/flags/shell_words.h"
#include "cli/site/process_files.h"
#include "cli/site/systemd_line.h"

namespace monodon::cli {
namespace {

using Words = std::vector<std::string>;

// ${X}, ${X:-y}, $X and $$, before Compose looks at the value. "${X}" stays where the
// file .env does not say what X is.
std::string interpolated(const std::string& text, const Variables& known,
                         Variables& used) {
  std::string done;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 == text.size()) {
      done += text[i];
      continue;
    }
    if (text[i + 1] == '$') {
      done += text[i++];
      continue;
    }
    const bool braces = text[i + 1] == '{';
    const std::size_t begin = i + (braces ? 2 : 1);
    constexpr std::string_view kName =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    const std::size_t end = std::min(text.find_first_not_of(kName, begin), text.size());
    const std::size_t close = braces ? text.find('}', end) : end;
    if (end == begin || close == std::string::npos) {
      done += text[i];
      continue;
    }
    const auto found = known.find(text.substr(begin, end - begin));
    std::string rest = text.substr(end, close - end);
    if (rest.starts_with(':')) rest.erase(0, 1);
    if (found != known.end()) {
      used.insert(*found);
      done += found->second;
    } else if (rest.starts_with('-')) {
      done += rest.substr(1);
    } else {
      done += "${" + text.substr(begin, end - begin) + "}";
    }
    i = braces ? close : close - 1;
  }
  return done;
}

// A backslash at the end of a line, also where YAML has made a blank of that end; and a
// line that begins with a flag, which no command does.
std::string without_continuations(std::string text) {
  for (std::size_t at = 0; (at = text.find('\\', at)) != std::string::npos; ++at) {
    const std::size_t next = text.find_first_not_of(" \t", at + 1);
    const bool line = next != std::string::npos && text[next] == '\n';
    const bool folded = next != std::string::npos && next > at + 1 && text[next] == '-';
    if (line || folded) text.replace(at, next - at + (line ? 1 : 0), " ");
  }
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; ++at) {
    const std::size_t next = text.find_first_not_of(" \t", at + 1);
    if (next != std::string::npos && text[next] == '-') text[at] = ' ';
  }
  return text;
}

class Reader {
 public:
  Reader(const std::string& file, const ReadScript& read_file,
         const ReadScript& read_script)
      : file_{file}, read_file_{read_file}, read_script_{read_script} {
    if (read_file_) add_environment_file(read_file_(".env"), known_);
  }

  Result<GunicornService> service(const YAML::Node& node) {
    Around around;
    used_.clear();
    for (const YAML::Node& env_file : list(at(node, "env_file"))) {
      const YAML::Node path = env_file.IsMap() ? env_file["path"] : env_file;
      if (read_file_ && path)
        add_environment_file(read_file_(text(path)), around.environment);
    }
    add_environment(at(node, "environment"), around.environment);
    around.directory = text(at(node, "working_dir"));
    around.user = text(at(node, "user"));
    around.user.erase(std::min(around.user.find(':'), around.user.size()));
    const Words command = words(at(node, "command"));
    Words all = words(at(node, "entrypoint"));
    all.insert(all.end(), command.begin(), command.end());
    auto read = read_gunicorn_line(all, file_, read_script_, around);
    if (!read) read = read_gunicorn_line(command, file_, read_script_, around);
    if (!read) return read;
    read.value().told.push_back(file_ +
                                ": what the image of that service sets is not read");
    for (const auto& [name, value] : used_)
      read.value().told.push_back(fmt::format(
          "${{{}}}: the settings have the value that it has in .env, \"{}\"", name,
          value));
    tell_user_of_container(read.value());
    return read;
  }

 private:
  // With what "<<: *other" brings.
  static YAML::Node at(const YAML::Node& node, const std::string& key) {
    if (!node.IsMap()) return YAML::Node{YAML::NodeType::Undefined};
    if (const YAML::Node own = node[key]) return own;
    if (const YAML::Node merged = node["<<"])
      for (const YAML::Node& one : list(merged))
        if (const YAML::Node found = at(one, key)) return found;
    return YAML::Node{YAML::NodeType::Undefined};
  }

  static std::vector<YAML::Node> list(const YAML::Node& node) {
    if (!node || node.IsNull()) return {};
    if (!node.IsSequence()) return {node};
    return {node.begin(), node.end()};
  }

  std::string text(const YAML::Node& node) {
    return node && node.IsScalar() ? interpolated(node.Scalar(), known_, used_) : "";
  }

  // A list, or a text that Compose splits as a shell does; it starts none.
  Words words(const YAML::Node& node) {
    Words all;
    if (node && node.IsScalar()) {
      if (auto split = shell_words(without_continuations(text(node))))
        return std::move(split).value();
      return all;
    }
    for (const YAML::Node& word : list(node)) all.push_back(text(word));
    return all;
  }

  // A map, or a list of "A=1"; a name alone has the value of whoever starts Compose.
  void add_environment(const YAML::Node& node, Variables& variables) {
    if (!node) return;
    if (node.IsMap()) {
      if (const YAML::Node merged = node["<<"])
        for (const YAML::Node& one : list(merged)) add_environment(one, variables);
      for (const auto& entry : node)
        if (entry.first.Scalar() != "<<" && !entry.second.IsNull())
          variables[entry.first.Scalar()] = text(entry.second);
    }
    if (!node.IsSequence()) return;
    for (const YAML::Node& entry : node) {
      const std::string whole = text(entry);
      const std::size_t equals = whole.find('=');
      if (equals != std::string::npos)
        variables[whole.substr(0, equals)] = whole.substr(equals + 1);
    }
  }

  std::string file_;
  const ReadScript& read_file_;
  const ReadScript& read_script_;
  Variables known_;  // of .env
  Variables used_;   // of these, by one service
};

}  // namespace

Result<GunicornService> read_compose(std::string_view text, const std::string& name,
                                     const std::string& wanted,
                                     const ReadScript& read_file,
                                     const ReadScript& read_script) {
  try {
    const YAML::Node file = YAML::Load(std::string{text});
    const YAML::Node services = file.IsMap() ? file["services"] : YAML::Node{};
    Reader reader{name, read_file, read_script};
    std::vector<std::pair<std::string, Result<GunicornService>>> all;
    if (services && services.IsMap())
      for (const auto& entry : services)
        all.emplace_back(entry.first.Scalar(), reader.service(entry.second));
    return choose_service(all, name, wanted);
  } catch (const YAML::Exception& e) {
    return Error{fmt::format("{}: line {}: {}", name, e.mark.line + 1, e.msg)};
  }
}

}  // namespace monodon::cli
