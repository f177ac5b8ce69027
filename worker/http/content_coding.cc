// SPDX-License-Identifier: Apache-2.0
// Which compressed form of a file a client takes.
#include "worker/http/content_coding.h"

#include <algorithm>
#include <optional>

#include "worker/http/chars.h"

namespace monodon::http {
namespace {

// "0.5" in thousandths. What makes no sense is no wish to have it.
unsigned quality_of(std::string_view text) {
  constexpr unsigned kWhole = 1000;
  if (text.starts_with('1')) return kWhole;
  if (!text.starts_with("0.") || text.size() > 5) return 0;
  unsigned value = 0;
  unsigned worth = 100;
  for (const char c : text.substr(2)) {
    if (c < '0' || c > '9') return 0;
    value += static_cast<unsigned>(c - '0') * worth;
    worth /= 10;
  }
  return value;
}

}  // namespace

AcceptedCodings parse_accept_encoding(std::string_view value) {
  std::optional<unsigned> brotli;
  std::optional<unsigned> gzip;
  unsigned as_it_is = 0;  // acceptable unless refused, and not preferred unless named
  unsigned others = 0;
  while (!value.empty()) {
    const std::string_view item = take_element(value);
    const std::size_t semicolon = std::min(item.find(';'), item.size());
    const std::string_view name = trim(item.substr(0, semicolon));
    const std::string_view weight =
        trim(item.substr(std::min(semicolon + 1, item.size())));
    const bool weighed = weight.starts_with("q=") || weight.starts_with("Q=");
    const unsigned quality = weighed ? quality_of(trim(weight.substr(2))) : 1000;
    if (equals_lower(name, "br")) brotli = quality;
    if (equals_lower(name, "gzip") || equals_lower(name, "x-gzip")) gzip = quality;
    if (equals_lower(name, "identity")) as_it_is = quality;
    if (name == "*") others = quality;
  }
  const unsigned of_brotli = brotli.value_or(others);
  const unsigned of_gzip = gzip.value_or(others);
  return {of_brotli > 0 && of_brotli >= as_it_is, of_gzip > 0 && of_gzip >= as_it_is,
          of_gzip > of_brotli};
}

}  // namespace monodon::http
