// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "master/system/identity.h"

namespace monodon::master {

// A process of root's that makes log files anew for a server that was started as root
// and has become another user: in a directory that is root's alone that user could not,
// once logrotate has moved them. It exists only for such files, and knows nothing but
// their names: the order is one byte, the answer one errno. It holds nothing of root's
// but CAP_CHOWN, and ends when the master does, through the end of its channel; an
// upgrade hands that on.
class LogKeeper {
 public:
  LogKeeper() = default;  // there is none, and none is needed
  explicit LogKeeper(UniqueFd channel) : channel_{std::move(channel)} {}

  // Root, before become(); forks twice, so that it is no child of the master. None
  // where no path needs it ("" and "-" do not).
  static Result<LogKeeper> start(const std::vector<std::string>& paths,
                                 const Owner& owner, const FileRights& rights);

  // Makes those that are not there. Blocks, for 2 s at most. Nothing without a keeper.
  Outcome make_files();
  // For an upgrade; -1: none.
  [[nodiscard]] int channel() const noexcept { return channel_.get(); }

 private:
  UniqueFd channel_;
};

}  // namespace monodon::master
