// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace monodon {

// ASCII letters only, whatever the locale: names of HTTP fields, hosts, words of a
// configuration. Pure.
[[nodiscard]] inline std::string lower(std::string_view text) {
  std::string result{text};
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

}  // namespace monodon
