// SPDX-License-Identifier: Apache-2.0
// Reads files in whose place others may put something else.
#include "base/files/regular_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace monodon {

namespace {

// What one gives for "no file"; it holds nothing up.
bool is_dev_null(const struct stat& about) {
  return S_ISCHR(about.st_mode) && about.st_rdev == makedev(1, 3);
}

Result<UniqueFd> open_as(int flags, const std::string& what, const std::string& path) {
  constexpr mode_t kNew = 0666;
  UniqueFd fd{::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, kNew)};
  // ENXIO: nobody reads a fifo that was to be written.
  const Error other{what + ": it is not a regular file", 0};
  if (!fd) return errno == ENXIO ? other : last_error(what);
  struct stat about {};
  if (::fstat(fd.get(), &about) != 0) return last_error(what);
  if (S_ISDIR(about.st_mode)) return Error{what, EISDIR};
  if (!S_ISREG(about.st_mode) && !(is_dev_null(about) && flags == O_RDONLY))
    return other;
  return fd;
}

// From `offset` on, and no more than one byte beyond `most`.
Result<std::string> read_from(int fd, off_t offset, std::size_t most,
                              const std::string& path) {
  std::string text;
  std::array<char, 16384> block;
  while (text.size() <= most) {
    const ssize_t got = ::pread(fd, block.data(), block.size(),
                                offset + static_cast<off_t>(text.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return last_error("read " + path);
    if (got == 0) break;
    text.append(block.data(), static_cast<std::size_t>(got));
  }
  return text;
}

}  // namespace

Result<UniqueFd> open_regular_file(const std::string& path) {
  return open_as(O_RDONLY, "read " + path, path);
}

Result<std::string> read_regular_file(const std::string& path, std::size_t most) {
  const auto fd = open_regular_file(path);
  if (!fd) return fd.error();
  auto text = read_from(fd.value().get(), 0, most, path);
  if (text && text.value().size() > most) return Error{"read " + path, EFBIG};
  return text;
}

Outcome write_regular_file(const std::string& path, std::string_view text) {
  const auto fd = open_as(O_WRONLY | O_CREAT, "write " + path, path);
  if (!fd) return fd.error();
  if (::ftruncate(fd.value().get(), 0) != 0) return last_error("write " + path);
  while (!text.empty()) {
    const ssize_t put = ::write(fd.value().get(), text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return last_error("write " + path);
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return ok();
}

Result<std::string> end_of_regular_file(const std::string& path, std::size_t most) {
  const auto fd = open_regular_file(path);
  if (!fd) return fd.error();
  const off_t end = ::lseek(fd.value().get(), 0, SEEK_END);
  const off_t begin = std::max<off_t>(0, end - static_cast<off_t>(most));
  auto text = read_from(fd.value().get(), begin, most, path);
  if (text && text.value().size() > most) text.value().resize(most);  // it grew
  return text;
}

}  // namespace monodon
