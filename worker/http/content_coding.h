// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace monodon::http {

// What an Accept-Encoding field (RFC 9110 12.5.3) leaves to choose from, of the codings
// that files have beside them: those that are named, or meant by "*", with a quality
// above 0 and not below that of "identity", where that is named. Pure.
struct AcceptedCodings {
  bool brotli = false;
  bool gzip = false;
  bool gzip_first = false;  // it is the one that is preferred
};
[[nodiscard]] AcceptedCodings parse_accept_encoding(std::string_view value);

}  // namespace monodon::http
