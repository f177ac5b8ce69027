// SPDX-License-Identifier: Apache-2.0
// Makes files without a name for bodies that memory is not for.
#include "base/files/spool_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/files/spool_budget.h"

namespace monodon {

namespace {

// Filesystems without O_TMPFILE say EOPNOTSUPP (open(2)); kernels before it took the
// call for one that opens the directory for writing.
bool lacks_tmpfile(int code) noexcept {
  return code == EOPNOTSUPP || code == EISDIR || code == EINVAL;
}

int open_in(const std::string& directory) {
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
  return fd;
}

}  // namespace

Result<SpoolFile> SpoolFile::open(const std::string& directory) {
  const bool memory = directory.empty() || directory == kSpoolMemory;
  SpoolFile file;
  file.fd_.reset(memory ? ::memfd_create("monodon-spool", MFD_CLOEXEC)
                        : open_in(directory));
  if (!file.fd_) return last_error("open a spool file in " + directory);
  return file;
}

Outcome SpoolFile::write(std::uint64_t at, std::string_view bytes) {
  const std::uint64_t end = at + bytes.size();
  if (end > size_) {
    if (!SpoolBudget::take(end - size_))
      return Error{"spool_limit is used up by all workers together"};
    size_ = end;
  }
  while (!bytes.empty()) {
    const ssize_t written =
        ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (written < 0 && errno == EINTR) continue;
    // Short on a full disk; the next attempt says why.
    if (written < 0) return last_error("write a spool file");
    at += static_cast<std::uint64_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return ok();
}

void SpoolFile::reset() noexcept {
  fd_.reset();
  if (size_ != 0) SpoolBudget::give(std::exchange(size_, 0));
}

Outcome try_spool(const std::string& directory) {
  auto file = SpoolFile::open(directory);
  if (!file) return file.error();
  static constexpr std::array<char, 4096> kBlock{};
  return file.value().write(0, {kBlock.data(), kBlock.size()});
}

}  // namespace monodon
