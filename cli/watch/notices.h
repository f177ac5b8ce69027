// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"

namespace monodon::cli {

// What inotify(7) tells of directories: in which of them something was written, came or
// went.
class Notices {
 public:
  struct News {
    std::set<std::string> directories;
    // Directory and name of what is being written, and may never be closed.
    std::set<std::pair<std::string, std::string>> written;
    bool lost = false;  // the queue was full (IN_Q_OVERFLOW): look everywhere
  };

  static Result<Notices> open();
  Notices() = default;  // none

  // Again for one that is watched: nothing. ENOENT and ENOTDIR are no error: what is
  // gone is noticed in the directory above it.
  Outcome watch(const std::string& directory);
  void forget(const std::string& directory);
  // All that there is; does not wait.
  News read();

  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
  std::map<int, std::string> paths_;
  std::map<std::string, int, std::less<>> numbers_;
};

// Whether inotify would not hear of what other machines (or the host of a virtual one)
// write there.
[[nodiscard]] bool is_remote(const std::string& directory);

}  // namespace monodon::cli
