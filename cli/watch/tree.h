// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/watch/interest.h"

namespace monodon::cli {

// The files of interest as they were at the last look. What has changed is told by
// comparing, whoever says that there is something to compare: so no way of saving a
// file is missed, and a file that was only read is no change.
class Tree {
 public:
  // entered: before a directory is read, each time. left: it is not there any more.
  struct Hooks {
    std::function<void(const std::string&)> entered = [](const std::string&) {};
    std::function<void(const std::string&)> left = [](const std::string&) {};
  };
  using Changes = std::set<std::string>;

  Tree(const Interest& interest, Hooks hooks)
      : interest_{interest}, hooks_{std::move(hooks)} {}

  // Everything, from the beginning of each start.
  void look_at_all(Changes& changes);
  // One directory, and those in it that are new.
  void look(const std::string& directory, Changes& changes);
  // Of what is known: files that were changed at that time of CLOCK_REALTIME or later.
  [[nodiscard]] Changes changed_since(std::int64_t realtime_ns) const;
  // A file that is of interest from now on. Whether it was changed at that time of
  // CLOCK_REALTIME or later; else it is no change as it is.
  [[nodiscard]] bool add_file(const std::string& path, std::int64_t since_ns);

 private:
  struct Stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    std::int64_t modified_ns;
    std::int64_t changed_ns;
    bool operator==(const Stamp&) const = default;
  };
  using Files = std::map<std::string, Stamp>;
  struct Directory {
    Files files;
    std::set<std::string> directories;
    std::pair<dev_t, ino_t> id;
  };

  void look(const std::string& directory, bool deep, Changes& changes);
  [[nodiscard]] bool read(const std::string& directory, Directory& now) const;
  void forget(const std::string& directory, Changes& changes);
  static bool stamp_of(const std::string& path, Stamp& stamp);

  const Interest& interest_;
  Hooks hooks_;
  std::map<std::string, Directory> directories_;
  std::map<std::pair<dev_t, ino_t>, std::string> by_id_;  // a link may lead back
};

}  // namespace monodon::cli
