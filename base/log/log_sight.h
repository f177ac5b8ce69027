// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace monodon::log {

// Whether who looks at stderr sees what is logged (base/log/log.h): stderr is the log,
// or the journal has both. Any thread.
[[nodiscard]] bool is_seen_on_stderr();

// From now on what this process and its children write to descriptor 2, and to 1 with
// `stdout_too`, goes to the file of the log, also after it was opened anew. False: the
// log is no regular file, and all stays as it is. Once, after open().
[[nodiscard]] bool take_output(bool stdout_too);

}  // namespace monodon::log
