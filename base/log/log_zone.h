// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ctime>

namespace monodon::log {

// Local time in a process that also runs the application's code. Frameworks change TZ
// for the whole process (Django: TIME_ZONE, tzset(3)); the lines of one log are in one
// zone nevertheless, that of the master, and of whoever reads them.

// Before the application is imported, in the only thread: local_parts() stays with the
// zone that the process has now, in children as well. Its changes between summer and
// winter are known for ten years on. A zone that the machine is given later is seen by
// the next process that starts, with a reload.
void keep_zone();

// localtime_r(3) in the zone that was kept, else in that of the process. tm_gmtoff is
// right; tm_isdst and tm_zone are not.
[[nodiscard]] std::tm local_parts(std::time_t when);

// For tests: as if none had been kept.
void forget_zone();

}  // namespace monodon::log
