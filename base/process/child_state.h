// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace monodon {

// Whether this child of ours is stopped (SIGSTOP) now. It is not reaped by the look.
[[nodiscard]] bool is_stopped(int pid);

}  // namespace monodon
