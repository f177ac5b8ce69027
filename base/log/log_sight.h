// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace monodon::log {

// Whether who looks at stderr sees what is logged (base/log/log.h): stderr is the log,
// or the journal has both. Any thread.
[[nodiscard]] bool is_seen_on_stderr();

}  // namespace monodon::log
