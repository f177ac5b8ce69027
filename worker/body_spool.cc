// SPDX-License-Identifier: Apache-2.0
#include "worker/body_spool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/log.h"

namespace monodon::worker {

namespace {

// Filesystems without O_TMPFILE say EOPNOTSUPP (open(2)); kernels before it took the
// call for one that opens the directory for writing.
bool lacks_tmpfile(int code) noexcept {
  return code == EOPNOTSUPP || code == EISDIR || code == EINVAL;
}

}  // namespace

Outcome BodySpool::append(std::string_view bytes) {
  const std::size_t room = spilled() ? std::min(limit_, kTail) : limit_;
  if (bytes.size() <= room && memory_.size() <= room - bytes.size()) {
    memory_.append(bytes);
    return ok();
  }
  if (!spilled()) {
    if (Outcome opened = open_file(); !opened) return opened;
  }
  if (Outcome written = write_file(memory_); !written) return written;
  memory_.clear();
  if (memory_.capacity() > kTail) memory_.shrink_to_fit();
  if (bytes.size() < std::min(limit_, kTail)) {
    memory_.append(bytes);
    return ok();
  }
  return write_file(bytes);
}

Outcome BodySpool::open_file() {
  // O_EXCL: nobody gives the file a name later, through /proc (open(2)).
  int fd = ::open(directory_.c_str(), O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 && lacks_tmpfile(errno)) {
    std::string name = directory_ + "/monodon-body-XXXXXX";
    fd = ::mkostemp(name.data(), O_CLOEXEC);
    if (fd >= 0) (void)::unlink(name.c_str());  // at worst an empty name is left over
  }
  if (fd < 0) return last_error("open a file for a request body in " + directory_);
  file_.reset(fd);
  return ok();
}

Outcome BodySpool::write_file(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file_.get(), bytes.data(), bytes.size(),
                                     static_cast<off_t>(file_size_));
    if (written < 0) {
      const int code = errno;
      if (code == EINTR) continue;
      return Error{"write a request body to a file in " + directory_, code};
    }
    // Short on a full disk; the next attempt says why.
    file_size_ += static_cast<std::uint64_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return ok();
}

std::int64_t BodySpool::read(std::uint64_t offset, char* to, std::size_t size) {
  if (offset >= this->size()) return 0;
  std::size_t done = 0;
  if (offset < file_size_) {
    done = static_cast<std::size_t>(std::min<std::uint64_t>(size, file_size_ - offset));
    if (read_file(offset, to, done) < 0) return -1;
  }
  if (done < size) {
    const auto from = static_cast<std::size_t>(offset + done - file_size_);
    done += memory_.copy(to + done, size - done, from);
  }
  return static_cast<std::int64_t>(done);
}

std::int64_t BodySpool::read_file(std::uint64_t offset, char* to, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got =
        ::pread(file_.get(), to + done, size - done, static_cast<off_t>(offset + done));
    if (got > 0) {
      done += static_cast<std::size_t>(got);
      continue;
    }
    const int code = got < 0 ? errno : EIO;  // 0: shorter than what was written
    if (code == EINTR) continue;
    log::error(
        Error{"read a request body from its file in " + directory_, code}.message());
    return -1;
  }
  return static_cast<std::int64_t>(done);
}

void BodySpool::reset() noexcept {
  file_.reset();
  file_size_ = 0;
  memory_.clear();
  if (memory_.capacity() > kTail) std::string{}.swap(memory_);
}

}  // namespace monodon::worker
