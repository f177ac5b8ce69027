// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/files/file_rights.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace monodon::master {

// Who a file or a process should belong to; empty: as it is.
struct Owner {
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  std::string name;   // of the user, for its supplementary groups; "" for a bare number
  gid_t primary = 0;  // of the user
};

// Names or numbers, "" for none (passwd(5), group(5)).
Result<Owner> find_owner(const std::string& user, const std::string& group);

// Gives up privileges for good: groups, group, user, in this order, each verified with
// getresuid(2). Nothing happens when we are that user already. Master at start, one
// thread. An Error leaves the process in between: end it.
Outcome become(const Owner& owner);

// With whose rights files are worked on until become(): see base/files/file_rights.h.
FileRights rights_of(const Owner& owner);

// Makes the log file `path` (unless there is one) and gives it to `owner`, who will
// open it anew later. "" and "-" are no files. Nothing happens when `owner` is empty.
Outcome give_log_file(const std::string& path, const Owner& owner,
                      const FileRights& rights);

// The pid file: locked for as long as this object lives, so that a second master on the
// same file is refused, whatever the file says. Emptied and removed at the end.
class PidFile {
 public:
  static Result<PidFile> make(const std::string& path, const FileRights& rights = {});
  PidFile() = default;
  PidFile(PidFile&&) noexcept = default;
  PidFile& operator=(PidFile&&) noexcept = default;
  ~PidFile();

 private:
  std::string path_;
  UniqueFd fd_;
};

}  // namespace monodon::master
