// SPDX-License-Identifier: Apache-2.0
// Whether a client has what it asks for already.
#include "worker/http/conditions.h"

#include <algorithm>
#include <array>

#include "base/text/number.h"
#include "worker/http/chars.h"

namespace monodon::http {
namespace {

// Every field of that name: lists may be spread over several.
template <typename Use>
bool each(const RequestHead& head, std::string_view name, Use use) {
  bool there = false;
  for (const Field& field : head.fields) {
    if (!equals_lower(field.name, name)) continue;
    there = true;
    use(field.value);
  }
  return there;
}

// Whether `list` has `etag`, or is "*". A comma may stand in a tag.
bool lists(std::string_view list, std::string_view etag, bool weakly) {
  list = trim(list);
  if (list == "*") return true;
  while (!list.empty()) {
    list.remove_prefix(std::min(list.find_first_not_of(" \t,"), list.size()));
    const bool weak = list.starts_with("W/");
    if (weak) list.remove_prefix(2);
    if (!list.starts_with('"')) return false;
    const std::size_t end = list.find('"', 1);
    if (end == std::string_view::npos) return false;
    if (list.substr(0, end + 1) == etag && (weakly || !weak)) return true;
    list.remove_prefix(end + 1);
  }
  return false;
}

struct Parts {
  std::string_view day, month, year, time;
};

// "06 Nov 1994 08:49:37", "06-Nov-94 08:49:37", "Nov  6 08:49:37 1994".
std::optional<Parts> parts_of(std::string_view text) {
  const std::size_t comma = text.find(',');
  if (comma != std::string_view::npos) {
    if (!text.ends_with(" GMT") || text.size() < comma + 2) return std::nullopt;
    text = text.substr(comma + 2, text.size() - comma - 6);
    if (text.size() == 20 && text[2] == ' ' && text[6] == ' ' && text[11] == ' ')
      return Parts{text.substr(0, 2), text.substr(3, 3), text.substr(7, 4),
                   text.substr(12)};
    if (text.size() == 18 && text[2] == '-' && text[6] == '-' && text[9] == ' ')
      return Parts{text.substr(0, 2), text.substr(3, 3), text.substr(7, 2),
                   text.substr(10)};
    return std::nullopt;
  }
  if (text.size() != 24 || text[3] != ' ' || text[7] != ' ' || text[10] != ' ' ||
      text[19] != ' ')
    return std::nullopt;
  return Parts{text.substr(text[8] == ' ' ? 9 : 8, text[8] == ' ' ? 1 : 2),
               text.substr(4, 3), text.substr(20), text.substr(11, 8)};
}

// Days since 1970-01-01 (proleptic Gregorian).
std::int64_t days_from(std::int64_t year, std::int64_t month, std::int64_t day) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = year / 400;
  const std::int64_t of_era = year - era * 400;
  const std::int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

std::optional<std::int64_t> number(std::string_view text, std::uint64_t largest) {
  const auto value = parse_number(text, largest);
  if (!value) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

}  // namespace

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  static constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr",
                                                            "May", "Jun", "Jul", "Aug",
                                                            "Sep", "Oct", "Nov", "Dec"};
  const auto parts = parts_of(trim(text));
  if (!parts) return std::nullopt;
  const auto* const month = std::ranges::find(kMonths, parts->month);
  const auto day = number(parts->day, 31);
  auto year = number(parts->year, 9999);
  const std::string_view time = parts->time;
  if (month == kMonths.end() || !day || *day == 0 || !year || time.size() != 8 ||
      time[2] != ':' || time[5] != ':')
    return std::nullopt;
  const auto hour = number(time.substr(0, 2), 23);
  const auto minute = number(time.substr(3, 2), 59);
  const auto second = number(time.substr(6, 2), 60);  // a leap second
  if (!hour || !minute || !second) return std::nullopt;
  // Two digits: never more than 50 years to come (5.6.7); nobody asks for those.
  if (parts->year.size() == 2) *year += *year < 70 ? 2000 : 1900;
  return days_from(*year, month - kMonths.begin() + 1, *day) * 86400 + *hour * 3600 +
         *minute * 60 + *second;
}

Condition evaluate(const RequestHead& head, const Validators& now) {
  bool found = false;
  if (each(head, "if-match", [&](std::string_view list) {
        found = found || lists(list, now.etag, false);
      })) {
    if (!found) return Condition::failed;
  } else if (const auto since = parse_http_date(head.find("if-unmodified-since"));
             since && now.modified > *since) {
    return Condition::failed;
  }
  found = false;
  if (each(head, "if-none-match", [&](std::string_view list) {
        found = found || lists(list, now.etag, true);
      }))
    return found ? Condition::not_modified : Condition::fulfilled;
  const auto since = parse_http_date(head.find("if-modified-since"));
  return since && now.modified <= *since ? Condition::not_modified
                                         : Condition::fulfilled;
}

bool range_applies(const RequestHead& head, const Validators& now) {
  const std::string_view given = head.find("if-range");
  if (given.data() == nullptr) return true;
  const std::string_view value = trim(given);
  if (value.starts_with('"')) return value == now.etag;
  return parse_http_date(value) == now.modified;
}

}  // namespace monodon::http
