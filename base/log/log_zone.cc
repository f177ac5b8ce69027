// SPDX-License-Identifier: Apache-2.0
// The machine's time zone, kept from an application that changes it.
#include "base/log/log_zone.h"

#include <array>
#include <cstddef>
#include <span>

namespace monodon::log {
namespace {

constexpr std::time_t kDay = 86'400;
constexpr std::time_t kStep = 7 * kDay;  // no zone changes twice within a week
constexpr std::time_t kAhead = 3'653 * kDay;

struct ZoneChange {
  std::time_t from = 0;
  long offset = 0;  // seconds east of UTC
};

// Written once, before there are threads. Morocco has four changes a year.
struct KeptZone {
  std::array<ZoneChange, 48> changes{};
  std::size_t count = 0;
};
KeptZone kept_zone;

long offset_at(std::time_t when) {
  std::tm parts{};
  return ::localtime_r(&when, &parts) == nullptr ? 0 : parts.tm_gmtoff;
}

// The first second with another offset than at `before`; `after` has another.
std::time_t change_between(std::time_t before, std::time_t after) {
  const long old = offset_at(before);
  while (after - before > 1) {
    const std::time_t middle = before + (after - before) / 2;
    (offset_at(middle) == old ? before : after) = middle;
  }
  return after;
}

}  // namespace

void keep_zone() {
  ::tzset();
  std::time_t at = std::time(nullptr) - kDay;
  const std::time_t end = at + kAhead;
  KeptZone zone;
  zone.changes[zone.count++] = {at, offset_at(at)};
  for (; at < end && zone.count < zone.changes.size(); at += kStep)
    if (const long next = offset_at(at + kStep); next != offset_at(at))
      zone.changes[zone.count++] = {change_between(at, at + kStep), next};
  kept_zone = zone;
}

std::tm local_parts(std::time_t when) {
  std::tm parts{};
  const std::span<const ZoneChange> changes{kept_zone.changes.data(), kept_zone.count};
  if (changes.empty()) {
    ::localtime_r(&when, &parts);
    return parts;
  }
  long offset = changes.front().offset;
  for (const ZoneChange& change : changes.subspan(1))
    if (change.from <= when) offset = change.offset;
  const std::time_t shifted = when + offset;
  ::gmtime_r(&shifted, &parts);
  parts.tm_gmtoff = offset;
  return parts;
}

void forget_zone() {
  kept_zone = {};
}

}  // namespace monodon::log
