// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"

namespace monodon {

// In place of a directory: spool files are memory (memfd_create(2)).
inline constexpr std::string_view kSpoolMemory = "memory";

// A file without a name, read and write, for a body that memory is not for: a large
// upload, a response that its client takes slowly. It is gone with this object. What
// all of them hold together is bounded (base/files/spool_budget.h).
class SpoolFile {
 public:
  // In `directory`, or in memory ("" too). Errors are those of open(2).
  static Result<SpoolFile> open(const std::string& directory);

  SpoolFile() = default;
  SpoolFile(SpoolFile&& other) noexcept
      : fd_{std::move(other.fd_)}, size_{std::exchange(other.size_, 0)} {}
  SpoolFile& operator=(SpoolFile&& other) noexcept {
    reset();
    fd_ = std::move(other.fd_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }
  ~SpoolFile() { reset(); }

  explicit operator bool() const noexcept { return static_cast<bool>(fd_); }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  // All of it. An Error without a code: spool_limit is used up, nothing was written;
  // else that of write(2), and how much was is not known.
  Outcome write(std::uint64_t at, std::string_view bytes);
  void reset() noexcept;

 private:
  UniqueFd fd_;
  std::uint64_t size_ = 0;  // counted by the budget
};

// Opens one and writes to it: whether `directory` can be used, by this process, now.
Outcome try_spool(const std::string& directory);

}  // namespace monodon
