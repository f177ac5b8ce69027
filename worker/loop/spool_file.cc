// SPDX-License-Identifier: Apache-2.0
#include "worker/loop/spool_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>

namespace monodon::worker {

namespace {

// Filesystems without O_TMPFILE say EOPNOTSUPP (open(2)); kernels before it took the
// call for one that opens the directory for writing.
bool lacks_tmpfile(int code) noexcept {
  return code == EOPNOTSUPP || code == EISDIR || code == EINVAL;
}

}  // namespace

Result<UniqueFd> open_spool_file(const std::string& directory) {
  // O_EXCL: nobody gives the file a name later, through /proc (open(2)).
  // A signal may interrupt an open on a network filesystem.
  int fd = -1;
  do {
    fd = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0 && lacks_tmpfile(errno)) {
    std::string name = directory + "/monodon-spool-XXXXXX";
    fd = ::mkostemp(name.data(), O_CLOEXEC);
    if (fd >= 0) (void)::unlink(name.c_str());  // at worst an empty name is left over
  }
  if (fd < 0) return last_error("open a spool file in " + directory);
  return UniqueFd{fd};
}

}  // namespace monodon::worker
