// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "bench/load_options.h"

namespace monodon::bench {

// One request as nginx passes on a browser's: 12 fields, about 600 bytes.
[[nodiscard]] std::string request_text(const LoadOptions& options,
                                       const std::string& path);

// With `vary` a thousand that differ as the requests of many visitors do: cookie,
// request id, address, page and referer in each, 16 browsers, 4 sets of fields.
[[nodiscard]] std::vector<std::string> request_texts(const LoadOptions& options);

}  // namespace monodon::bench
