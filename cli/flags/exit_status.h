// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace monodon::cli {

// Exit statuses of every command; those of the application itself (3, 4) are
// wire::LoadFailure. The first four are Gunicorn's as well.
inline constexpr int kGood = 0;
inline constexpr int kBadConfiguration = 1;
inline constexpr int kBadUsage = 2;

}  // namespace monodon::cli
