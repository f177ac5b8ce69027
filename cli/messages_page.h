// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace monodon::cli {

// docs/messages.md, from base/log/log_id.h. Pure.
[[nodiscard]] std::string messages_page();

}  // namespace monodon::cli
