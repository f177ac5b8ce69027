// SPDX-License-Identifier: Apache-2.0
// The values behind the atoms of an access-log line.
#include "worker/access/access_values.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <limits>
#include <optional>

#include "base/log/log_zone.h"
#include "worker/http/chars.h"
#include "worker/http/path.h"

namespace monodon::worker::access {
namespace {

struct LocalTime {
  std::int64_t seconds = std::numeric_limits<std::int64_t>::min();
  std::string common;
  std::string iso;
};

void append_two(std::string& to, int number) {
  to += static_cast<char>('0' + number / 10 % 10);
  to += static_cast<char>('0' + number % 10);
}

void append_clock(std::string& to, const std::tm& at) {
  append_two(to, at.tm_hour);
  to += ':';
  append_two(to, at.tm_min);
  to += ':';
  append_two(to, at.tm_sec);
}

void append_zone(std::string& to, const std::tm& at, std::string_view between) {
  const long minutes = at.tm_gmtoff / 60;
  to += minutes < 0 ? '-' : '+';
  const int distance = static_cast<int>(minutes < 0 ? -minutes : minutes);
  append_two(to, distance / 60);
  to += between;
  append_two(to, distance % 60);
}

// Once a second and thread: local_parts takes a lock. Not strftime:
// the application may have set a locale, and the names of months are a format here.
const LocalTime& local_time(std::int64_t seconds) {
  constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr",
                                                     "May", "Jun", "Jul", "Aug",
                                                     "Sep", "Oct", "Nov", "Dec"};
  thread_local LocalTime last;
  if (last.seconds == seconds) return last;
  const std::tm at = log::local_parts(static_cast<std::time_t>(seconds));
  const std::string year = std::to_string(at.tm_year + 1900);
  last.seconds = seconds;

  last.common.clear();
  append_two(last.common, at.tm_mday);
  last.common += '/';
  last.common += kMonths[static_cast<std::size_t>(at.tm_mon) % kMonths.size()];
  last.common += '/';
  last.common += year;
  last.common += ':';
  append_clock(last.common, at);
  last.common += ' ';
  append_zone(last.common, at, "");

  last.iso = year;
  last.iso += '-';
  append_two(last.iso, at.tm_mon + 1);
  last.iso += '-';
  append_two(last.iso, at.tm_mday);
  last.iso += 'T';
  append_clock(last.iso, at);
  append_zone(last.iso, at, ":");
  return last;
}

std::optional<unsigned> base64_digit(char c) noexcept {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t at = kDigits.find(c);
  if (at == std::string_view::npos) return std::nullopt;
  return static_cast<unsigned>(at);
}

}  // namespace

std::string_view common_time(std::int64_t unix_seconds) {
  return local_time(unix_seconds).common;
}

std::string_view iso_time(std::int64_t unix_seconds) {
  return local_time(unix_seconds).iso;
}

std::string basic_user(std::string_view authorization) {
  const std::size_t space = authorization.find(' ');
  if (space == std::string_view::npos ||
      !http::equals_lower(authorization.substr(0, space), "basic"))
    return {};
  std::string_view digits = http::trim(authorization.substr(space));
  while (digits.ends_with('=')) digits.remove_suffix(1);
  std::string user;
  unsigned bits = 0;
  unsigned count = 0;
  for (const char c : digits) {
    const auto digit = base64_digit(c);
    if (!digit) return {};
    bits = (bits << 6U) | *digit;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    const char decoded = static_cast<char>((bits >> count) & 255U);
    if (decoded == ':') return user;
    user += decoded;
  }
  return {};  // no colon: not credentials
}

std::string percent_decoded(std::string_view path) {
  std::string decoded;
  http::percent_decode(path, decoded);
  return decoded;
}

std::string_view response_field(std::string_view head, std::string_view name) noexcept {
  for (std::size_t end = head.find("\r\n"); end != std::string_view::npos;
       end = head.find("\r\n")) {
    head.remove_prefix(end + 2);
    const std::string_view line = head.substr(0, head.find("\r\n"));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) break;
    if (http::equals_ignoring_case(line.substr(0, colon), name))
      return http::trim(line.substr(colon + 1));
  }
  return {};
}

namespace {

// "HTTP_X_THING" is the field "X-Thing"; two variables go without the prefix.
std::string field_of(std::string_view variable) {
  if (variable.starts_with("HTTP_")) {
    variable.remove_prefix(5);
  } else if (variable != "CONTENT_TYPE" && variable != "CONTENT_LENGTH") {
    return {};
  }
  std::string name{variable};
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

}  // namespace

std::string variable(const AccessRecord& record, std::string_view name) {
  if (name == "REMOTE_ADDR") return std::string{record.remote_addr};
  if (name == "REQUEST_ID") return std::string{record.request_id};
  if (name == "REQUEST_SCHEME" || name == "WSGI.URL_SCHEME")
    return std::string{record.scheme};
  if (record.head == nullptr) return {};
  const http::RequestHead& head = *record.head;
  if (name == "REQUEST_METHOD") return std::string{head.method};
  if (name == "RAW_URI" || name == "REQUEST_URI") return std::string{head.target};
  if (name == "PATH_INFO") return percent_decoded(head.path);
  if (name == "QUERY_STRING") return std::string{head.query};
  if (name == "SERVER_PROTOCOL")
    return "HTTP/1." + std::to_string(unsigned{head.minor_version});
  const std::string field = field_of(name);
  return field.empty() ? std::string{} : std::string{head.find(field)};
}

}  // namespace monodon::worker::access
