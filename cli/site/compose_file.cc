// SPDX-License-Identifier: Apache-2.0
// A service of Gunicorn's in a compose file.
#include "cli/site/compose_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/text/trimmed.h"
#include "cli/flags/shell_words.h"
#include "cli/site/gunicorn_line.h"

namespace monodon::cli {
namespace {

using Words = std::vector<std::string>;

// 'a', "a" or a, without a comment behind it.
std::string scalar(std::string text) {
  text = trimmed(text);
  if (text.size() > 1 && (text[0] == '"' || text[0] == '\'')) {
    const std::size_t end = text.find(text[0], 1);
    if (end != std::string::npos) return text.substr(1, end - 1);
  }
  return trimmed(text.substr(0, text.find(" #")));
}

// [a, "b"]; a value with a comma in quotes stays one.
Words flow_list(const std::string& text) {
  Words words;
  std::string word;
  char quote = '\0';
  for (const char c : text.substr(1, text.rfind(']') - 1)) {
    if (quote == '\0' && c == ',') {
      words.push_back(trimmed(word));
      word.clear();
    } else if (quote == c) {
      quote = '\0';
    } else if (quote == '\0' && (c == '"' || c == '\'')) {
      quote = c;
    } else {
      word += c;
    }
  }
  if (!trimmed(word).empty()) words.push_back(trimmed(word));
  return words;
}

struct Service {
  std::string name;
  Words entrypoint;
  Words command;
  GunicornService around;
};

class Reader {
 public:
  std::vector<Service> read(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      line(std::string{text.substr(0, end)});
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return std::move(services_);
  }

 private:
  void line(const std::string& whole) {
    const std::string text = trimmed(whole);
    if (text.empty() || text[0] == '#') return;
    const std::size_t indent = whole.find_first_not_of(' ');
    if (folded_ && indent > key_indent_) return item(text);
    folded_ = false;
    if (indent == 0) {
      in_services_ = text.starts_with("services:");
      service_indent_ = 0;
      return;
    }
    if (!in_services_) return;
    if (service_indent_ == 0) service_indent_ = indent;
    if (indent == service_indent_) {
      services_.emplace_back().name = text.substr(0, text.find(':'));
      key_.clear();
      key_indent_ = 0;
    } else if (services_.empty()) {
      return;
    } else if (text.starts_with("- ")) {
      item(scalar(text.substr(2)));
    } else if (key_indent_ == 0 || indent <= key_indent_) {
      key(text, indent);
    } else if (key_ == "environment") {
      const std::size_t colon = text.find(':');
      item(text.substr(0, colon) + "=" +
           scalar(text.substr(std::min(colon + 1, text.size()))));
    }
  }

  void key(const std::string& text, std::size_t indent) {
    const std::size_t colon = std::min(text.find(':'), text.size());
    key_ = text.substr(0, colon);
    key_indent_ = indent;
    const std::string value = trimmed(text.substr(std::min(colon + 1, text.size())));
    folded_ = value == ">" || value == "|" || value == ">-" || value == "|-";
    if (value.empty() || folded_) return;
    GunicornService& around = services_.back().around;
    if (value[0] == '[') {
      for (const std::string& word : flow_list(value)) item(word);
    } else if (key_ == "command" || key_ == "entrypoint") {
      use_text(scalar(value));
    } else if (key_ == "working_dir") {
      around.directory = scalar(value);
    } else if (key_ == "user") {
      around.user = scalar(value);
      around.user.erase(std::min(around.user.find(':'), around.user.size()));
    }
  }

  // Compose splits it as a shell does, and starts none.
  void use_text(const std::string& text) {
    const auto words = shell_words(text);
    if (!words) return;
    for (const std::string& word : words.value()) item(word);
  }

  void item(const std::string& word) {
    Service& service = services_.back();
    if (folded_ && word.find(' ') != std::string::npos) return use_folded(word);
    if (key_ == "command") service.command.push_back(word);
    if (key_ == "entrypoint") service.entrypoint.push_back(word);
    if (key_ != "environment") return;
    const std::size_t equals = word.find('=');
    if (equals != std::string::npos)
      service.around.environment[word.substr(0, equals)] = word.substr(equals + 1);
  }

  void use_folded(const std::string& text) {
    folded_ = false;
    use_text(text);
    folded_ = true;
  }

  std::vector<Service> services_;
  std::string key_;
  std::size_t key_indent_ = 0;
  std::size_t service_indent_ = 0;
  bool in_services_ = false;
  bool folded_ = false;  // the value is in the lines that follow
};

}  // namespace

Result<GunicornService> read_compose(std::string_view text, const std::string& name) {
  for (Service& one : Reader{}.read(text)) {
    Words words = one.entrypoint;
    words.insert(words.end(), one.command.begin(), one.command.end());
    auto service = read_gunicorn_line(words, name);
    if (!service) service = read_gunicorn_line(one.command, name);
    if (!service) continue;
    GunicornService& found = service.value();
    for (auto& [key, value] : one.around.environment)
      found.environment.emplace(key, value);
    if (found.directory.empty()) found.directory = one.around.directory;
    found.user = one.around.user;
    found.told.push_back(fmt::format(
        "{}: this is its service \"{}\"; what its image sets, and other files, are not "
        "read",
        name, one.name));
    for (const std::string& word : found.flags)
      if (word.find('$') != std::string::npos)
        found.told.push_back(fmt::format(
            "{}: holds a variable, whose value is not known here: set it in the result",
            word));
    return service;
  }
  return Error{name + ": none of its services is Gunicorn"};
}

}  // namespace monodon::cli
