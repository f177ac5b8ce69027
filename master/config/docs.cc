// SPDX-License-Identifier: Apache-2.0
// The commented example and the documents made from the table of settings.
#include "master/config/docs.h"

#include <fmt/format.h>

#include <algorithm>

#include "master/config/table.h"
#include "master/config/value.h"

namespace monodon::master {
namespace {

constexpr std::size_t kColumns = 78;

constexpr std::string_view kHead =
    "# Configuration of Monodon: every setting, commented out at its default.\n"
    "#\n"
    "# Flags of the command line win over the environment (MONODON_WORKERS for\n"
    "# workers), which wins over this file. Times: 500ms, 30s, 5m, 2h, or a number of\n"
    "# seconds. Sizes: 64K, 10M, 1G, or a number of bytes. Relative paths start at\n"
    "# the directory of the application.\n"
    "#\n"
    "# monodon check reads this file, says everything that is wrong with it and\n"
    "# imports the application. systemctl reload (or SIGHUP) brings changes into\n"
    "# force; the few settings that need a restart say so.\n";

std::string commented(std::string_view text) {
  std::string lines;
  std::string line = "#";
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (line.size() > 1 && line.size() + 1 + end > kColumns) {
      lines += line + "\n";
      line = "#";
    }
    line += " ";
    line += text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines + line + "\n";
}

bool is_plain(std::string_view text) {
  const auto word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_' || c == '.' || c == '/';
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return word(c) || c == '-';
  }) && word(text.front());
}

std::string in_quotes(std::string_view text) {
  if (is_plain(text)) return std::string{text};
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      result += c;
    }
  }
  return result + "\"";
}

std::string value_as_yaml(const Setting& setting, const Settings& settings) {
  if (setting.kind != Kind::list) return in_quotes(scalar_text(setting, settings));
  std::string text;
  for (const std::string& item : list_items(setting, settings)) {
    text += (text.empty() ? "" : ", ") + in_quotes(item);
  }
  return "[" + text + "]";
}

std::string yaml_line(const Setting& setting, const Settings& settings) {
  return fmt::format("{}: {}\n", setting.key, value_as_yaml(setting, settings));
}

}  // namespace

std::string commented_yaml() {
  const Settings settings = default_settings();
  std::string text{kHead};
  for (const Group& group : setting_groups()) {
    text += fmt::format("\n\n# {}\n", group.title);
    for (const Setting& setting : group.settings) {
      std::string doc{setting.doc};
      if (!setting.more.empty()) doc += fmt::format(" {}", setting.more);
      doc += fmt::format(" ({}{})", describe_type(setting),
                         setting.on_reload == OnReload::restart ? "; restart" : "");
      text += "\n" + commented(doc);
      text += fmt::format("#{}: {}\n", setting.key, value_as_yaml(setting, settings));
    }
  }
  return text;
}

std::string settings_as_yaml(const Settings& settings) {
  std::string text;
  for (const Group& group : setting_groups()) {
    for (const Setting& setting : group.settings) text += yaml_line(setting, settings);
  }
  return text;
}

std::string settings_as_yaml(const Settings& settings,
                             const std::set<std::string>& keys) {
  std::string text;
  for (const Group& group : setting_groups()) {
    for (const Setting& setting : group.settings) {
      if (keys.count(std::string{setting.key}) != 0)
        text += yaml_line(setting, settings);
    }
  }
  return text;
}

}  // namespace monodon::master
