// SPDX-License-Identifier: Apache-2.0
// A request body, in memory and then in a file.
#include "worker/loop/body_spool.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/log/log.h"

namespace monodon::worker {

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
  auto opened = SpoolFile::open(directory_);
  if (!opened) return opened.error();
  file_ = std::move(opened).value();
  return ok();
}

Outcome BodySpool::write_file(std::string_view bytes) {
  if (const auto written = file_.write(file_size_, bytes); !written) {
    const int code = written.error().code;
    return code == 0 ? written
                     : Error{"write a request body to a file in " + directory_, code};
  }
  file_size_ += bytes.size();
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
        ::pread(file_.fd(), to + done, size - done, static_cast<off_t>(offset + done));
    if (got > 0) {
      done += static_cast<std::size_t>(got);
      continue;
    }
    const int code = got < 0 ? errno : EIO;  // 0: shorter than what was written
    if (code == EINTR) continue;
    log::error(
        Error{"read a request body from its file in " + directory_, code}.message(),
        {log::Id::resources_short});
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
