// SPDX-License-Identifier: Apache-2.0
// Sealed shared memory.
#include "scoreboard/segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <string>

#include "scoreboard/page.h"

// Linux 5.1; not in every libc's headers.
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

namespace monodon::scoreboard {

Result<UniqueFd> make_segment(const char* name, std::size_t size) {
  UniqueFd fd{::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  if (!fd) return last_error("make shared memory for the scoreboard");
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0)
    return last_error("size shared memory for the scoreboard");
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0)
    return last_error("seal shared memory for the scoreboard");
  // It is made with 0777: whoever got a descriptor for reading could open it anew.
  if (::fchmod(fd.get(), S_IRUSR | S_IWUSR) != 0)
    return last_error("close shared memory for the scoreboard");
  return fd;
}

Outcome seal_for_owner(int fd) {
  if (::fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) == 0) return ok();
  // A kernel before 5.1.
  if (errno == EINVAL && ::fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL) == 0) return ok();
  return last_error("seal a scoreboard page for its owner");
}

bool is_sealed_for_owner(int fd) noexcept {
  const int seals = ::fcntl(fd, F_GET_SEALS);
  return seals >= 0 && (seals & F_SEAL_SEAL) != 0;
}

Result<UniqueFd> make_page(std::size_t threads) {
  return make_segment("monodon-page", page_size(threads));
}

Result<UniqueFd> read_only_copy(int fd) {
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  UniqueFd copy{::open(link.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!copy) return last_error("open the scoreboard for reading");
  return copy;
}

Outcome check_segment(int fd, std::size_t size) {
  const int seals = ::fcntl(fd, F_GET_SEALS);
  if (seals < 0) return last_error("look at the seals of a scoreboard page");
  if ((seals & F_SEAL_SHRINK) == 0)
    return Error{"a scoreboard page is not sealed against shrinking"};
  struct stat about {};
  if (::fstat(fd, &about) != 0) return last_error("look at a scoreboard page");
  if (about.st_size < 0 || static_cast<std::size_t>(about.st_size) < size)
    return Error{"a scoreboard page is shorter than its rows"};
  return ok();
}

}  // namespace monodon::scoreboard
