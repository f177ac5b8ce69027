// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "master/config/settings.h"

namespace monodon::master {

// The one definition of every setting. File parser, command line, --help, the
// environment, conf/monodon.yaml, monodon.yaml(5) and `monodon check --print` are all
// made from these rows, so that none of them can forget one. Pure data.

enum class Kind : std::uint8_t {
  flag,      // true, false
  count,     // whole number
  duration,  // milliseconds; "500ms", "30s", "5m", "2h"; a bare number is seconds
  size,      // bytes; "64K", "10M", "1G"; a bare number is bytes
  mode,      // octal; -1 where nothing was asked for
  text,
  path,       // made absolute against `directory`; "-" and "" stay
  choice,     // one of `choices`
  automatic,  // true, false, auto
  list,       // of texts
};

// What SIGHUP does to a setting that was changed in the file.
enum class OnReload : std::uint8_t {
  live,     // the master uses it from then on
  workers,  // holds for the workers that the reload starts
  restart,  // needs a restart
};

// Where the value lives.
using Field =
    std::variant<bool worker::Settings::*, std::uint32_t worker::Settings::*,
                 std::uint64_t worker::Settings::*, std::string worker::Settings::*,
                 std::vector<std::string> worker::Settings::*, bool Settings::*,
                 std::int32_t Settings::*, std::uint32_t Settings::*,
                 std::uint64_t Settings::*, std::string Settings::*,
                 std::vector<std::string> Settings::*>;

struct Setting {
  std::string_view key;  // in the file; with dashes, the long flag; MONODON_KEY
  Kind kind = Kind::text;
  Field field;
  std::string_view doc;        // one sentence: a line of --help
  std::string_view more = {};  // what the manual adds
  OnReload on_reload = OnReload::workers;
  std::uint64_t smallest = 0;  // of count, duration and size, in their unit
  std::uint64_t largest = 0;
  std::string_view choices = {};      // "a|b|c"
  std::string_view flags = {};        // Gunicorn's names for it: "-w,--workers"
  std::string_view environment = {};  // a variable that others set too
  char separator = ',';  // of a list in flag and environment; NUL: repeat the flag
  std::string_view fallback = {};  // of a list, or of a text that is "" in Settings
  bool trusts = false;  // a list of who or what is believed: an empty one is nobody
  bool shares_memory = false;  // of a size: "80%" is of the memory there is, all
                               // workers together, and is 80 here
  bool counts_cores = false;   // of a count: "auto" is one for each core, and is 0 here
};

struct Group {
  std::string_view title;
  std::span<const Setting> settings;
};

[[nodiscard]] std::span<const Group> setting_groups();

// nullptr: no such key.
[[nodiscard]] const Setting* find_setting(std::string_view key);

// The known key that `key` was probably meant to be, or "".
[[nodiscard]] std::string_view nearest_key(std::string_view key);

// Everything at its default, as the manual states it.
[[nodiscard]] Settings default_settings();

// "--access-log" for "access_log"; "MONODON_ACCESS_LOG".
[[nodiscard]] std::string long_flag(const Setting& setting);
[[nodiscard]] std::string variable(const Setting& setting);

// Calls `use(member)` with a reference to the member of `settings` (const or not) that
// `field` names.
template <typename AnySettings, typename Use>
decltype(auto) with_field(AnySettings& settings, const Field& field, Use&& use) {
  return std::visit(
      [&](auto pointer) -> decltype(auto) {
        if constexpr (requires { settings.*pointer; }) {
          return use(settings.*pointer);
        } else {
          return use(settings.worker.*pointer);
        }
      },
      field);
}

}  // namespace monodon::master
