// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace monodon {

// Files that others than the reader can change. In place of one there may be a fifo or
// a device, and who opens or reads that waits for as long as they like; or a file that
// does not end. /dev/null, which some name for no file, is an empty one to read. Any
// process; with whose rights is the caller's affair (base/files/file_rights.h).

// For reading, CLOEXEC. An Error, at once, for what is not a regular file.
Result<UniqueFd> open_regular_file(const std::string& path);

inline constexpr std::size_t kMostOfFile = 64 << 20;

// All of it; an Error where it has more than `most` bytes.
Result<std::string> read_regular_file(const std::string& path,
                                      std::size_t most = kMostOfFile);

// Makes one, or writes over what is there, links and all.
Outcome write_regular_file(const std::string& path, std::string_view text);

// Its last bytes, at most `most`.
Result<std::string> end_of_regular_file(const std::string& path, std::size_t most);

}  // namespace monodon
