// SPDX-License-Identifier: Apache-2.0
// The options in an ini file of uWSGI's, with its placeholders and blocks.
#include "cli/site/uwsgi_ini.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <utility>

#include "base/text/trimmed.h"
#include "cli/site/uwsgi_options.h"

namespace monodon::cli {
namespace {

// %(name), %d, %n and %p, as far as a file alone tells.
class Placeholders {
 public:
  Placeholders(std::string name, std::string directory)
      : name_{std::move(name)}, directory_{std::move(directory)} {}

  void define(const std::string& key, const std::string& value) { known_[key] = value; }

  // item: of the loop that the line stands in.
  std::string fill(const std::string& value, std::set<std::string>& used,
                   const std::string& item) const {
    std::string text;
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (value[i] != '%' || i + 1 == value.size()) {
        text += value[i];
        continue;
      }
      const char kind = value[++i];
      const std::size_t end = value.find(')', i);
      if (kind == '(' && end != std::string::npos) {
        const std::string name = value.substr(i + 1, end - i - 1);
        if (name == "_") {
          text += item;
          i = end;
          continue;
        }
        const auto found = known_.find(name);
        if (found != known_.end()) used.insert(found->first);
        text +=
            found == known_.end() ? value.substr(i - 1, end - i + 2) : found->second;
        i = end;
      } else if (kind == 'd') {
        text += directory_ + "/";
      } else if (kind == 'n') {
        text += name_.substr(0, name_.rfind('.'));
      } else if (kind == 's') {
        text += name_;
      } else if (kind == 'p') {
        text += directory_ + "/" + name_;
      } else if (kind == 'x') {
        text += "uwsgi";
      } else if (kind == '_') {
        text += item;
      } else if (kind == '%') {
        text += '%';
      } else {
        text += {'%', kind};
      }
    }
    return text;
  }

 private:
  std::string name_;
  std::string directory_;
  std::map<std::string, std::string> known_;

 public:
  // Another file is read, and knows what was known before.
  void enter(std::string& name, std::string& directory) {
    name_.swap(name);
    directory_.swap(directory);
  }
  [[nodiscard]] const std::string& directory() const { return directory_; }
};

// The lines of the section [uwsgi], with the blocks of its "configuration logic": for,
// if-... and their ends. https://uwsgi-docs.readthedocs.io/en/latest/ConfigLogic.html
class Ini {
 public:
  Ini(const UwsgiFile& file, const ReadUwsgiFile& read_file)
      : placeholders_{file.name, file.directory}, read_file_{read_file} {}

  UwsgiOptions take_options() { return std::move(options_); }

  // Whether it has that section.
  bool read(std::string_view text, const std::string& section) {
    const std::string_view whole = std::exchange(text_, text);
    const std::string wanted = "[" + (section.empty() ? "uwsgi" : section) + "]";
    bool ours = false;
    bool found = false;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      const std::string line = trimmed(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
      if (line.empty() || line[0] == '#' || line[0] == ';') continue;
      if (line[0] == '[')
        found |= (ours = line == wanted);
      else if (ours)
        take(line);
    }
    text_ = whole;
    return found;
  }

 private:
  void take(const std::string& line) {
    const std::size_t equals = line.find('=');
    const std::string key = trimmed(line.substr(0, equals));
    const std::string value =
        equals == std::string::npos ? "" : trimmed(line.substr(equals + 1));
    if (key == "for" || key == "for-glob" || key == "for-readline" ||
        key == "for-times" || key.starts_with("if-")) {
      begin(key, value);
    } else if (key == "endfor" || key == "end-for" || key == "endif" ||
               key == "end-if") {
      items_ = {""};
      condition_.clear();
    } else if (!condition_.empty()) {
      options_.told.push_back(fmt::format(
          "{}: is left out, since only uWSGI knows whether {}", line, condition_));
    } else {
      for (const std::string& item : items_) define(key, value, item);
    }
  }

  void begin(const std::string& key, const std::string& value) {
    const std::string filled = placeholders_.fill(value, options_.used, "");
    if (key != "for") {
      condition_ = fmt::format("{} = {}", key, filled);
      return;
    }
    items_.clear();
    for (std::size_t at = 0; at < filled.size();) {
      const std::size_t end = std::min(filled.find(' ', at), filled.size());
      if (end > at) items_.push_back(filled.substr(at, end - at));
      at = end + 1;
    }
  }

  void define(const std::string& key, const std::string& raw, const std::string& item) {
    std::string value = with_variables(placeholders_.fill(raw, options_.used, item));
    const std::string name = placeholders_.fill(key, options_.used, item);
    if (name == "set" || name == "set-ph" || name == "set-placeholder") {
      const std::size_t second = value.find('=');
      placeholders_.define(value.substr(0, second),
                           second == std::string::npos ? "" : value.substr(second + 1));
      return;
    }
    if (name == "ini" || name == "inherit" || name == "include")
      return include(name, value);
    placeholders_.define(name, value);
    const std::size_t percent = value.find('%');
    const bool magic =
        percent != std::string::npos && percent + 1 < value.size() &&
        std::isalpha(static_cast<unsigned char>(value[percent + 1])) != 0;
    if (magic && uwsgi_name(name) != "processes")
      options_.told.push_back(
          fmt::format("{} = {}: {} is known to uWSGI only; set it in the result", name,
                      value, value.substr(percent, 2)));
    options_.given.emplace_back(name, std::move(value));
  }

  // "other.ini", "other.ini:prod", or ":prod" of the same file.
  void include(const std::string& key, const std::string& value) {
    constexpr int kDeepest = 8;
    const auto [given, section] = uwsgi_place(value);
    std::string path = given;
    if (!path.empty() && !path.starts_with('/'))
      path = placeholders_.directory() + "/" + path;
    std::string text{text_};
    if (!path.empty()) text = read_file_ ? read_file_(path) : "";
    if (depth_ == kDeepest || text.empty())
      return options_.told.push_back(fmt::format(
          "{} = {}: cannot be read here, so what it says is not known", key, value));
    ++depth_;
    std::string name = path.substr(path.rfind('/') + 1);
    std::string directory = path.substr(0, std::min(path.rfind('/'), path.size()));
    if (!path.empty()) placeholders_.enter(name, directory);
    if (!read(text, section))
      options_.told.push_back(fmt::format("{} = {}: has no section [{}]", key, value,
                                          section.empty() ? "uwsgi" : section));
    if (!path.empty()) placeholders_.enter(name, directory);
    --depth_;
  }

  // $(PORT) of the environment, as it is written elsewhere: ${PORT}.
  static std::string with_variables(std::string value) {
    for (std::size_t at = 0; (at = value.find("$(", at)) != std::string::npos; ++at) {
      const std::size_t end = value.find(')', at);
      if (end == std::string::npos) break;
      value[at + 1] = '{';
      value[end] = '}';
    }
    return value;
  }

  Placeholders placeholders_;
  const ReadUwsgiFile& read_file_;
  std::string_view text_;  // of the file that is read
  int depth_ = 0;          // of files that include one another
  UwsgiOptions options_;
  std::vector<std::string> items_{""};  // of the loop
  std::string condition_;               // of the block, where there is one
};

}  // namespace

UwsgiOptions read_uwsgi_options(const UwsgiFile& file, const ReadUwsgiFile& read_file) {
  Ini ini{file, read_file};
  const bool found = ini.read(file.text, file.section);
  UwsgiOptions options = ini.take_options();
  if (!found && !file.section.empty())
    options.told.push_back(
        fmt::format("{}: has no section [{}]", file.name, file.section));
  return options;
}

UwsgiPlace uwsgi_place(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return {text, {}};
  if (colon != 0 && !text.substr(0, colon).ends_with(".ini")) return {text, {}};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace monodon::cli
