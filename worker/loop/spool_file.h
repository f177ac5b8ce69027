// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace monodon::worker {

// A file without a name in `directory`, read and write, for a body that memory is not
// for: a large upload, a response that its client takes slowly. It is gone with its
// descriptor. Errors are those of open(2).
Result<UniqueFd> open_spool_file(const std::string& directory);

}  // namespace monodon::worker
