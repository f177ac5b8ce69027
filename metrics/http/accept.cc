// SPDX-License-Identifier: Apache-2.0
// What a client of the exporter would rather have.
#include "metrics/http/accept.h"

#include <algorithm>
#include <charconv>

namespace monodon::metrics {
namespace {

// Up to the separator, without blanks; the rest stays in `text`.
std::string_view take(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  while (part.starts_with(' ') || part.starts_with('\t')) part.remove_prefix(1);
  while (part.ends_with(' ') || part.ends_with('\t')) part.remove_suffix(1);
  return part;
}

bool same_word(std::string_view a, std::string_view b) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

double quality_of(std::string_view field, std::string_view name) {
  double best = -1;
  while (!field.empty()) {
    std::string_view entry = take(field, ',');
    if (!same_word(take(entry, ';'), name)) continue;
    double quality = 1;
    while (!entry.empty()) {
      std::string_view parameter = take(entry, ';');
      if (!same_word(take(parameter, '='), "q")) continue;
      quality = 0;  // one that is no number is no wish
      (void)std::from_chars(parameter.data(), parameter.data() + parameter.size(),
                            quality);
    }
    best = std::max(best, quality);
  }
  return best;
}

bool wants_openmetrics(std::string_view accept) {
  const double open = quality_of(accept, "application/openmetrics-text");
  return open > 0 && open >= quality_of(accept, "text/plain");
}

}  // namespace monodon::metrics
