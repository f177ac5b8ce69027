// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "metrics/observation/collect.h"
#include "metrics/observation/observer.h"

namespace monodon::metrics {

// What the dashboard shows to a browser without JavaScript: HTML, a few tables of what
// is now. Everything from outside is escaped. `full`: with links to stacks and
// traceback.
[[nodiscard]] std::string plain_page(const Sight& sight, const Surroundings& around,
                                     bool full);

// As text and in attributes; what is no UTF-8, or a control, is \xNN.
[[nodiscard]] std::string escape_html(std::string_view text);

}  // namespace monodon::metrics
