// SPDX-License-Identifier: Apache-2.0
// Checks of option values, in words of ours instead of CLI11's.
#include "cli/line/validators.h"

#include <fmt/format.h>

#include <charconv>

#include "base/text/nearest.h"

namespace monodon::cli {

CLI::Validator seconds_between(double low, double high) {
  return CLI::Validator{
      [low, high](const std::string& text) -> std::string {
        double number = 0;
        const auto [end, error] =
            std::from_chars(text.data(), text.data() + text.size(), number);
        const bool whole = error == std::errc{} && end == text.data() + text.size();
        if (whole && number >= low && number <= high) return {};
        return fmt::format("{} is no number of seconds from {} to {}", text, low, high);
      },
      ""};
}

CLI::Validator one_of(const std::vector<std::string_view>& words) {
  return CLI::Validator{
      [words](const std::string& text) -> std::string {
        for (const std::string_view word : words)
          if (word == text) return {};
        const std::string_view meant = nearest(text, words);
        return fmt::format(
            "{} is none of {}{}", text, fmt::join(words, ", "),
            meant.empty() ? "" : fmt::format("; did you mean {}?", meant));
      },
      ""};
}

}  // namespace monodon::cli
