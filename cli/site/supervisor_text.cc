// SPDX-License-Identifier: Apache-2.0
// Placeholders in the values of supervisord's files.
#include "cli/site/supervisor_text.h"

#include <algorithm>
#include <string_view>

#include "base/text/number.h"

namespace monodon::cli {
namespace {

// "02" of "%(process_num)02d", as Python's % has it.
std::string padded(const std::string& value, std::string_view spec, bool number) {
  const std::size_t digits = std::min(spec.find_first_of("123456789"), spec.size());
  const std::string_view flags = spec.substr(0, digits);
  const auto width = parse_number(spec.substr(digits, spec.find('.') - digits));
  if (!width || *width > 64 || *width <= value.size()) return value;
  const std::size_t missing = *width - value.size();
  if (flags.find('-') != std::string_view::npos)
    return value + std::string(missing, ' ');
  const bool zeros = number && flags.find('0') != std::string_view::npos;
  return std::string(missing, zeros ? '0' : ' ') + value;
}

}  // namespace

std::string supervisor_text(const std::string& value, const Variables& known) {
  std::string text;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const std::size_t close = value.find(')', i);
    if (value.compare(i, 2, "%%") == 0) {
      text += value[i++];
    } else if (value.compare(i, 2, "%(") == 0 && close != std::string::npos) {
      const std::string name = value.substr(i + 2, close - i - 2);
      const std::size_t kind = std::min(
          value.find_first_not_of("#0- +.123456789", close + 1), value.size() - 1);
      const std::string spec = value.substr(close + 1, kind - close - 1);
      const auto found = known.find(name);
      if (found != known.end())
        text += padded(found->second, spec, value[kind] != 's');
      else
        text += "${" + (name.starts_with("ENV_") ? name.substr(4) : name) + "}";
      i = kind;
    } else {
      text += value[i];
    }
  }
  return text;
}

}  // namespace monodon::cli
