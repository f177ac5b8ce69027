// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace monodon::cli {

// What becomes of one option of uWSGI's.
struct UwsgiOption {
  enum class Way : unsigned char {
    flag,     // `answer` is our flag, which takes its value as it is
    sure,     // our flag without a value; nothing where the value is "false"
    needless  // nothing is lost without it; not told
  };
  std::string_view name;
  Way way = Way::needless;
  std::string_view answer = {};
};

// nullptr: it has a meaning of its own (cli/site/uwsgi.cc), or none here.
[[nodiscard]] const UwsgiOption* find_uwsgi_option(std::string_view name);

// The sentence about one that has no equivalent; "" where we have none for it.
[[nodiscard]] std::string_view why_not_uwsgi(std::string_view name);

// "processes" of "p", and of other names of the same option.
[[nodiscard]] std::string_view uwsgi_name(std::string_view name);

// Whether it takes a value on the command line.
[[nodiscard]] bool uwsgi_takes_value(std::string_view name);

}  // namespace monodon::cli
