// SPDX-License-Identifier: Apache-2.0
// Values as Gunicorn reads them.
#include "master/config/gunicorn_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/text/number.h"
#include "worker/access/access_log.h"

namespace monodon::master {
namespace {

std::string_view stripped(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n\v\f";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

// int(text, 0) of Python, where it is no decimal of ours already. An underscore may
// stand between two digits.
std::optional<std::uint64_t> python_int(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 2 && text[0] == '0') {
    const char kind = static_cast<char>(text[1] | 0x20);
    base = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 10;
    if (base != 10) text.remove_prefix(text[2] == '_' ? 3 : 2);
  }
  if (text.ends_with('_') || text.starts_with('_') ||
      text.find("__") != std::string_view::npos) {
    return std::nullopt;
  }
  std::string digits{text};
  std::erase(digits, '_');
  std::uint64_t number = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number, base);
  if (digits.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

// Settings whose limit is ours alone, and where a value beyond it asks for nothing that
// the limit does not give: the kernel caps a backlog, and a day is no deadline.
bool is_capped(std::string_view key) {
  constexpr std::array<std::string_view, 7> kCapped = {"backlog",
                                                       "request_timeout",
                                                       "graceful_timeout",
                                                       "keepalive",
                                                       "limit_request_line",
                                                       "limit_request_fields",
                                                       "limit_request_field_size"};
  return std::find(kCapped.begin(), kCapped.end(), key) != kCapped.end();
}

TakenValue take_number(const Setting& setting, std::string text) {
  TakenValue taken{setting.key, std::move(text), {}};
  const auto number = python_int(taken.text);
  if (!number) return taken;
  taken.text = std::to_string(*number);
  const std::uint64_t scale = setting.kind == Kind::duration ? 1000 : 1;
  const std::uint64_t most = setting.largest / scale;
  if (*number > most && is_capped(setting.key)) {
    taken.text = std::to_string(most);
    taken.warning = fmt::format("{} is more than {}, which is taken", *number, most);
  } else if (*number * scale < setting.smallest && *number == 0) {
    const std::uint64_t least = std::max<std::uint64_t>(1, setting.smallest / scale);
    taken.text = std::to_string(least);
    taken.warning = fmt::format("0 is taken for {}", least);
  }
  return taken;
}

// Gunicorn makes its Unix socket under this umask, and leaves the application's alone.
TakenValue take_umask(const Setting& setting, std::string text) {
  const bool octal =
      text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9';
  std::optional<std::uint64_t> number = python_int(text);
  if (octal) number = parse_octal(text);
  if (!number) return {setting.key, std::move(text), {}};
  TakenValue taken{"socket_mode", fmt::format("{:04o}", 0777 & ~(*number & 0777)), {}};
  if (*number > 7 && text[0] != '0') {
    taken.warning = fmt::format(
        "{} is a decimal number, as for Gunicorn: an umask of "
        "{:04o}",
        text, *number & 0777);
  }
  return taken;
}

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  });
  return text;
}

TakenValue take_level(const Setting& setting, std::string text) {
  std::string lower = lower_case(text);
  const std::string choices = fmt::format("|{}|", setting.choices);
  if (choices.find("|" + lower + "|") != std::string::npos) {
    return {setting.key, std::move(lower), {}};
  }
  return {
      setting.key, "info",
      fmt::format("\"{}\" is no level, and is taken for info, as by Gunicorn; write "
                  "debug, info, warning, error or critical",
                  text)};
}

// True and False, and their like in text.
TakenValue take_proxy_protocol(const Setting& setting, std::string text) {
  std::string lower = lower_case(text);
  if (lower == "true" || lower == "1") lower = "auto";
  if (lower == "false" || lower == "0" || lower == "none" || lower.empty())
    lower = "off";
  return {setting.key, std::move(lower), {}};
}

// "%(h)s" at the beginning of the text, or "" where there is nothing of that form.
std::string_view first_atom(std::string_view text) {
  const std::size_t end = text.starts_with("%(") ? text.find(')') : text.npos;
  return end == text.npos || end + 1 == text.size() ? "" : text.substr(0, end + 2);
}

// What is no atom is "-" in Gunicorn's lines. What Python cannot format, "%(h) -",
// costs it every line, and serves all the same: here the line has it as it stands.
TakenValue take_access_format(const Setting& setting, std::string_view format) {
  TakenValue taken{setting.key, {}, {}};
  std::string unknown;
  bool broken = false;
  for (std::size_t i = 0; i < format.size();) {
    const std::string_view rest = format.substr(i);
    const std::string_view atom = first_atom(rest);
    std::size_t size = rest.starts_with("%%") ? 2 : 1;
    if (rest[0] != '%' || size == 2) {
      taken.text += rest.substr(0, size);
    } else if (!atom.empty() && worker::AccessFormat::compile(atom)) {
      taken.text += atom;
      size = atom.size();
    } else if (atom.ends_with('s')) {
      taken.text += '-';
      unknown += (unknown.empty() ? "" : ", ") + std::string{atom};
      size = atom.size();
    } else {
      taken.text += "%%";
      broken = true;
    }
    i += size;
  }
  if (!unknown.empty())
    taken.warning =
        unknown + ": is no atom of the access log, and so \"-\", as with Gunicorn";
  if (broken)
    taken.warning += fmt::format(
        "{}a \"%\" begins no atom, as \"%(h)s\" would, and stands in each line; "
        "Gunicorn "
        "has an exception in the error log in place of the line",
        unknown.empty() ? "" : "; ");
  return taken;
}

}  // namespace

TakenValue take_gunicorn_value(const Setting& setting, std::string_view text) {
  std::string word{stripped(text)};
  switch (setting.kind) {
    case Kind::count:
    case Kind::duration:
    case Kind::size:
      return take_number(setting, std::move(word));
    case Kind::mode:
      if (setting.key == "umask") return take_umask(setting, std::move(word));
      break;
    case Kind::choice:
      if (setting.key == "log_level") return take_level(setting, std::move(word));
      if (setting.key == "proxy_protocol")
        return take_proxy_protocol(setting, std::move(word));
      break;
    case Kind::flag:
    case Kind::automatic:
      break;
    case Kind::text:
      if (setting.key == "access_log_format") return take_access_format(setting, text);
      [[fallthrough]];
    case Kind::path:
    case Kind::list:
      return {setting.key, std::string{text}, {}};
  }
  return {setting.key, std::move(word), {}};
}

}  // namespace monodon::master
