// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace monodon::master {

// A flag of Gunicorn that is none of our settings, and its setting in a
// gunicorn.conf.py. What asks for nothing (Gunicorn's default) is taken without a word.
// A harmless one is accepted with `answer` as a note: the service behaves as its owner
// expects without it. Any other is a warning: the site is served as Gunicorn serves it,
// without that. One that makes another service ends the program with the answer.
struct GunicornFlag {
  std::string_view names;  // "-D,--daemon"
  bool takes_value = false;
  bool harmless = false;
  std::string_view answer;        // follows "--daemon: "
  std::string_view setting = {};  // in gunicorn.conf.py, where not named as the flag
  bool other_service = false;     // without it requests fail, or go elsewhere: refused
  // What it asks for is done: a setting of ours has this value; or, without a value,
  // the setting of this name is as if a gunicorn.conf.py had it (logconfig).
  std::string_view becomes = {};
  std::string_view value = {};

  // The long name. CLI11 has none for an option that --help does not show.
  [[nodiscard]] constexpr std::string_view name() const {
    return names.substr(names.find("--"),
                        names.find(',', names.find("--")) - names.find("--"));
  }
};

// A setting of gunicorn.conf.py that is one of ours.
struct GunicornName {
  std::string_view theirs;
  std::string_view ours;
};

// A hook of gunicorn.conf.py: a function there, or the dotted name of one.
struct GunicornHook {
  std::string_view name;
  std::string_view answer;  // where such code goes
  bool called = false;      // worker/python/_monodon_gunicorn.py
};

[[nodiscard]] std::span<const GunicornName> gunicorn_names();
[[nodiscard]] std::span<const GunicornFlag> gunicorn_flags();
[[nodiscard]] std::span<const GunicornHook> gunicorn_hooks();

// The name of its setting: "http2_cleartext" of --http2-cleartext.
[[nodiscard]] std::string name_in_file(const GunicornFlag& flag);

// Whether that value of the setting `name` is what Gunicorn takes where none is given,
// or asks for nothing: "", "off", "false", "0".
[[nodiscard]] bool asks_for_nothing(std::string_view name, std::string_view value);

// Whether "--name" is a flag that Gunicorn has, ours too or not.
[[nodiscard]] bool is_gunicorn_flag(std::string_view name);

}  // namespace monodon::master
