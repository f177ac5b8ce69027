// SPDX-License-Identifier: Apache-2.0
// Values of settings, from text and to text.
#include "master/config/value.h"

#include <fmt/format.h>

#include <limits>
#include <optional>
#include <type_traits>

#include "base/text/lower.h"
#include "base/text/number.h"

namespace monodon::master {
namespace {

std::optional<bool> parse_flag(std::string_view text) {
  for (const char* yes : {"true", "yes", "on", "1"}) {
    if (text == yes) return true;
  }
  for (const char* no : {"false", "no", "off", "0"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

bool is_choice(std::string_view choices, std::string_view word) {
  if (word.empty() || word.find('|') != std::string_view::npos) return false;
  return ("|" + std::string{choices} + "|").find("|" + std::string{word} + "|") !=
         std::string::npos;
}

std::string format_number(Kind kind, std::uint64_t value) {
  if (kind == Kind::duration) return value == 0 ? "0" : format_duration_ms(value);
  if (kind == Kind::size) return format_size(value);
  return std::to_string(value);
}

std::string choices_text(std::string_view choices) {
  std::string text;
  for (const char c : choices) text += c == '|' ? std::string{", "} : std::string{c};
  return text;
}

// A plain "22" means 026 to Gunicorn and 022 to chmod: only what reads the same to
// everybody is taken.
std::optional<std::uint32_t> parse_mode(std::string_view text) {
  if (text.size() == 2 && text.front() != '0') return std::nullopt;
  const std::optional<std::uint32_t> mode = parse_octal(text);
  return mode && *mode <= 0777 ? mode : std::nullopt;
}

struct Parsed {
  std::optional<std::uint64_t> number;
  const char* problem = "";
};

Parsed parse_by_kind(Kind kind, std::string_view text) {
  switch (kind) {
    case Kind::count:
      return {parse_number(text), "is not a whole number"};
    case Kind::duration:
      return {parse_duration_ms(text),
              "is not a duration; write 500ms, 30s, 5m, 2h or a number of seconds"};
    case Kind::size:
      return {parse_size(text),
              "is not a size; write 64K, 10M, 1G or a number of bytes"};
    case Kind::mode:
      return {parse_mode(text), "is not an octal mode like 0660"};
    case Kind::flag:
    case Kind::automatic:
    case Kind::text:
    case Kind::path:
    case Kind::choice:
    case Kind::list:
      break;
  }
  return {};
}

// "80%" is 80, and so no number of bytes may be.
Parsed parse_share(std::string_view text, Parsed bytes) {
  constexpr std::uint64_t kMost = 100;
  if (text.ends_with('%')) {
    text.remove_suffix(1);
    const auto share = parse_number(text);
    const bool fits = share && *share >= 1 && *share <= kMost;
    return {fits ? share : std::nullopt, "is not a share; write 1% to 100%"};
  }
  if (bytes.number && *bytes.number >= 1 && *bytes.number <= kMost)
    return {std::nullopt, "is a size in bytes; for a share of the memory write 80%"};
  if (!bytes.number) bytes.problem = "is not a size; write 10M, 1G or 80%";
  return bytes;
}

std::string set_number(const Setting& setting, std::string_view text,
                       Settings& settings) {
  if (setting.kind == Kind::mode && text.empty()) {
    with_field(settings, setting.field, [](auto& field) {
      if constexpr (std::is_same_v<decltype(field), std::int32_t&>) field = -1;
    });
    return {};
  }
  if (text == "off" && setting.kind != Kind::mode && setting.smallest == 0) text = "0";
  Parsed parsed = parse_by_kind(setting.kind, text);
  const bool cores = setting.counts_cores && text == "auto";
  if (cores) parsed.number = 0;
  if (setting.shares_memory) parsed = parse_share(text, parsed);
  if (!parsed.number) return fmt::format("\"{}\" {}", text, parsed.problem);
  const std::uint64_t value = *parsed.number;
  if (setting.kind != Kind::mode && !cores &&
      (value < setting.smallest || value > setting.largest)) {
    return fmt::format("{} is out of range: {} to {}", text,
                       format_number(setting.kind, setting.smallest),
                       format_number(setting.kind, setting.largest));
  }
  with_field(settings, setting.field, [&](auto& field) {
    using T = std::remove_reference_t<decltype(field)>;
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      field = static_cast<T>(value);
    }
  });
  return {};
}

std::string set_text(const Setting& setting, std::string_view text,
                     Settings& settings) {
  std::string value{text};
  if (value.find('\0') != std::string::npos) return "holds a NUL byte";
  if (setting.kind == Kind::automatic && lower(value) != "auto") {
    const std::optional<bool> yes = parse_flag(lower(value));
    if (!yes) return fmt::format("\"{}\" is none of true, false and auto", text);
    value = *yes ? "true" : "false";
  }
  if (setting.kind == Kind::choice) {
    value = lower(value);
    if (!is_choice(setting.choices, value)) {
      return fmt::format("\"{}\" is not one of: {}", text,
                         choices_text(setting.choices));
    }
  }
  with_field(settings, setting.field, [&](auto& field) {
    using T = std::remove_reference_t<decltype(field)>;
    if constexpr (std::is_same_v<T, std::string>) field = std::move(value);
  });
  return {};
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

std::string set_scalar(const Setting& setting, std::string_view text,
                       Settings& settings) {
  switch (setting.kind) {
    case Kind::flag: {
      const std::optional<bool> value = parse_flag(lower(text));
      if (!value) return fmt::format("\"{}\" is neither true nor false", text);
      with_field(settings, setting.field, [&](auto& field) {
        if constexpr (std::is_same_v<decltype(field), bool&>) field = *value;
      });
      return {};
    }
    case Kind::count:
    case Kind::duration:
    case Kind::size:
    case Kind::mode:
      return set_number(setting, text, settings);
    case Kind::automatic:
    case Kind::text:
    case Kind::path:
    case Kind::choice:
      return set_text(setting, text, settings);
    case Kind::list: {
      const std::string one{text};
      return set_list(setting, split_list(setting, {&one, 1}), settings);
    }
  }
  return {};
}

std::string set_list(const Setting& setting, std::vector<std::string> items,
                     Settings& settings) {
  for (const std::string& item : items) {
    if (item.find('\0') != std::string::npos) return "holds a NUL byte";
  }
  with_field(settings, setting.field, [&](auto& field) {
    using T = std::remove_reference_t<decltype(field)>;
    if constexpr (std::is_same_v<T, std::vector<std::string>>) field = std::move(items);
  });
  return {};
}

std::vector<std::string> split_list(const Setting& setting,
                                    std::span<const std::string> texts) {
  std::vector<std::string> items;
  for (std::string_view rest : texts) {
    while (!rest.empty()) {
      const std::size_t end = setting.separator == '\0'
                                  ? rest.size()
                                  : std::min(rest.find(setting.separator), rest.size());
      const std::string_view item = trimmed(rest.substr(0, end));
      if (!item.empty()) items.emplace_back(item);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return items;
}

std::string scalar_text(const Setting& setting, const Settings& settings) {
  return with_field(settings, setting.field, [&](const auto& field) -> std::string {
    using T = std::remove_cvref_t<decltype(field)>;
    if constexpr (std::is_same_v<T, bool>) {
      return field ? "true" : "false";
    } else if constexpr (std::is_same_v<T, std::string>) {
      return field;
    } else if constexpr (std::is_same_v<T, std::int32_t>) {
      return field < 0 ? "" : fmt::format("{:04o}", field);
    } else if constexpr (std::is_integral_v<T>) {
      if (setting.counts_cores && field == 0) return "auto";
      if (setting.shares_memory && field >= 1 && field <= 100)
        return fmt::format("{}%", field);
      return format_number(setting.kind, field);
    } else {
      return {};
    }
  });
}

std::vector<std::string> list_items(const Setting& setting, const Settings& settings) {
  return with_field(settings, setting.field,
                    [](const auto& field) -> std::vector<std::string> {
                      using T = std::remove_cvref_t<decltype(field)>;
                      if constexpr (std::is_same_v<T, std::vector<std::string>>) {
                        return field;
                      } else {
                        return {};
                      }
                    });
}

bool same_value(const Setting& setting, const Settings& a, const Settings& b) {
  return setting.kind == Kind::list
             ? list_items(setting, a) == list_items(setting, b)
             : scalar_text(setting, a) == scalar_text(setting, b);
}

std::string describe_type(const Setting& setting) {
  const auto range = [&](const char* name) {
    if (setting.largest == std::numeric_limits<std::int64_t>::max()) {
      return fmt::format("{}, {} or more", name,
                         format_number(setting.kind, setting.smallest));
    }
    return fmt::format("{}, {} to {}", name,
                       format_number(setting.kind, setting.smallest),
                       format_number(setting.kind, setting.largest));
  };
  switch (setting.kind) {
    case Kind::flag:
      return "true or false";
    case Kind::automatic:
      return "true, false or auto";
    case Kind::count:
      return range("number") + (setting.counts_cores ? ", or auto" : "");
    case Kind::duration:
      return range("duration");
    case Kind::size:
      return range("size") + (setting.shares_memory ? ", or a share like 80%" : "");
    case Kind::mode:
      return "octal mode";
    case Kind::text:
      return "text";
    case Kind::path:
      return "path";
    case Kind::choice:
      return "one of: " + choices_text(setting.choices);
    case Kind::list:
      return "list of texts";
  }
  return {};
}

std::string describe_default(const Setting& setting) {
  const Settings settings = default_settings();
  if (setting.kind != Kind::list) {
    const std::string text = scalar_text(setting, settings);
    return text.empty() ? "none" : text;
  }
  std::string text;
  for (const std::string& item : list_items(setting, settings)) {
    text += text.empty() ? item : ", " + item;
  }
  return text.empty() ? "none" : text;
}

}  // namespace monodon::master
