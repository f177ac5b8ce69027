// SPDX-License-Identifier: Apache-2.0
// What systemd does to the lines of a unit before a program sees them.
#include "cli/site/systemd_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>

#include "cli/flags/shell_words.h"

namespace monodon::cli {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

// systemd-escape: "-" stands for "/", and \x2d for "-".
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto hex = [&](std::size_t at) {
      const char c = text[at];
      return c >= '0' && c <= '9'                     ? c - '0'
             : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                      : -1;
    };
    if (text.substr(i).starts_with("\\x") && i + 3 < text.size() && hex(i + 2) >= 0 &&
        hex(i + 3) >= 0) {
      plain += static_cast<char>(hex(i + 2) * 16 + hex(i + 3));
      i += 3;
    } else {
      plain += text[i] == '-' ? '/' : text[i];
    }
  }
  return plain;
}

std::optional<std::string> specifier(char letter, const UnitName& unit) {
  const std::string bare = unit.full.substr(0, unit.full.rfind('.'));
  const std::size_t at = bare.find('@');
  switch (letter) {
    case '%':
      return "%";
    case 'n':
      return unit.full;
    case 'N':
      return bare;
    case 'p':
      return unit.prefix();
    case 'P':
      return unescaped(unit.prefix());
    case 'i':
    case 'I': {
      const std::string raw = at == std::string::npos ? "" : bare.substr(at + 1);
      if (raw.empty() && at != std::string::npos) return std::nullopt;  // the template
      return letter == 'i' ? raw : unescaped(raw);
    }
    case 't':
      return "/run";
    case 'S':
      return "/var/lib";
    case 'C':
      return "/var/cache";
    case 'L':
      return "/var/log";
    case 'E':
      return "/etc";
    case 'T':
      return "/tmp";
    case 'V':
      return "/var/tmp";
    case 'h':  // of the manager, whatever User= says
      return "/root";
    case 'u':
      return "root";
    case 'U':
      return "0";
    case 'H':
      return host_name();
    default:
      return std::nullopt;
  }
}

bool is_name(char c) {
  return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9');
}

class Expander {
 public:
  Expander(const Variables& variables, ExecLine& line)
      : variables_{variables}, line_{line} {}

  void add(const std::string& word) {
    const bool whole = word.size() > 1 && word[0] == '$' &&
                       std::all_of(word.begin() + 1, word.end(), is_name);
    if (!whole) return line_.words.push_back(inside(word));
    // Split at its blanks: none is no word at all.
    if (auto words = shell_words(value(word.substr(1)))) {
      for (std::string& one : words.value()) line_.words.push_back(std::move(one));
    }
  }

 private:
  std::string value(const std::string& name) {
    const auto found = variables_.find(name);
    if (found == variables_.end()) {
      line_.unknown.push_back("$" + name);
      return "${" + name + "}";
    }
    line_.variables.push_back(name);
    return found->second;
  }

  std::string inside(const std::string& word) {
    std::string text;
    for (std::size_t i = 0; i < word.size(); ++i) {
      const std::size_t end = word.find('}', i);
      if (word.compare(i, 2, "$$") == 0) {
        text += word[i++];
      } else if (word.compare(i, 2, "${") == 0 && end != std::string::npos) {
        text += value(word.substr(i + 2, end - i - 2));
        i = end;
      } else {
        text += word[i];
      }
    }
    return text;
  }

  const Variables& variables_;
  ExecLine& line_;
};

void assign(const std::string& text, Variables& variables) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return;
  variables[text.substr(0, equals)] = text.substr(equals + 1);
}

}  // namespace

std::string UnitName::prefix() const {
  const std::string bare = full.substr(0, full.rfind('.'));
  return bare.substr(0, bare.find('@'));
}

std::string UnitName::instance() const {
  return specifier('I', *this).value_or("");
}

std::string without_specifiers(std::string_view text, const UnitName& unit,
                               std::vector<std::string>& unknown) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%' || i + 1 == text.size()) {
      plain += text[i];
      continue;
    }
    const auto value = specifier(text[++i], unit);
    if (!value) unknown.push_back(fmt::format("%{}", text[i]));
    plain += value ? *value : fmt::format("%{}", text[i]);
  }
  return plain;
}

ExecLine read_exec_line(std::string_view line, const UnitName& unit,
                        const Variables& variables) {
  ExecLine read;
  const std::size_t begin = std::min(line.find_first_not_of("-@:+!|"), line.size());
  const std::string_view prefixes = line.substr(0, begin);
  auto words = shell_words(line.substr(begin));
  if (!words || words.value().empty()) return read;
  // The second word is what the program is to take for its name.
  if (prefixes.find('@') != std::string_view::npos && words.value().size() > 1) {
    words.value().erase(words.value().begin() + 1);
  }
  Expander expander{variables, read};
  for (const std::string& word : words.value()) {
    const std::string plain = without_specifiers(word, unit, read.unknown);
    if (prefixes.find(':') != std::string_view::npos) {
      read.words.push_back(plain);
    } else {
      expander.add(plain);
    }
  }
  return read;
}

void add_environment(std::string_view line, const UnitName& unit,
                     Variables& variables) {
  std::vector<std::string> unknown;
  const auto assignments = shell_words(without_specifiers(line, unit, unknown));
  if (!assignments) return;
  for (const std::string& text : assignments.value()) assign(text, variables);
}

void add_environment_file(std::string_view text, Variables& variables) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string line{text.substr(0, end)};
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.pop_back();
    const std::size_t first = line.find_first_not_of(" \t");
    const std::size_t equals = line.find('=');
    if (first == std::string::npos || line[first] == '#' || line[first] == ';' ||
        equals == std::string::npos) {
      continue;
    }
    std::string name = line.substr(first, equals - first);
    name.erase(name.find_last_not_of(" \t") + 1);
    std::string value = line.substr(equals + 1);
    value.erase(0, std::min(value.find_first_not_of(" \t"), value.size()));
    value.erase(value.find_last_not_of(" \t") + 1);
    const char quote = value.empty() ? '\0' : value.front();
    if ((quote == '"' || quote == '\'') && value.size() > 1 && value.back() == quote) {
      if (auto words = shell_words(value); words && words.value().size() == 1) {
        value = words.value().front();
      }
    }
    variables[name] = value;
  }
}

}  // namespace monodon::cli
