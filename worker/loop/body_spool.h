// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/files/spool_file.h"
#include "base/result.h"
#include "worker/application.h"

namespace monodon::worker {

// A request body as it arrives: in memory up to a limit, then in a file that has no
// name. Memory grows with what has come, never with what Content-Length claims.
//
// Used by one thread at a time. Beyond the limit the start of the body is in the file
// and at most kTail bytes of its end in memory, so that a body of tiny chunks does not
// cost a write each.
class BodySpool final : public Body {
 public:
  static constexpr std::size_t kTail = 64 * 1024;

  // memory_limit: bytes; 0 keeps nothing in memory. directory: of the file, made only
  // when it is needed; the same for all bodies of this object.
  BodySpool(std::size_t memory_limit, std::string directory)
      : limit_{memory_limit}, directory_{std::move(directory)} {}

  // An Error has the errno of open or write: ENOSPC, EDQUOT (a full disk), or none
  // where spool_limit is used up (507); EIO, EMFILE, ... (503). The body is not whole
  // then: answer, reset() and close.
  Outcome append(std::string_view bytes);

  [[nodiscard]] std::uint64_t size() const noexcept override {
    return file_size_ + memory_.size();
  }
  std::int64_t read(std::uint64_t offset, char* to, std::size_t size) override;

  // Empty again, for the next request: closes the file, keeps at most kTail of memory.
  void reset() noexcept;

  // True once a file is in use (a number for the scoreboard, and for tests).
  [[nodiscard]] bool spilled() const noexcept { return static_cast<bool>(file_); }

 private:
  Outcome open_file();
  Outcome write_file(std::string_view bytes);
  std::int64_t read_file(std::uint64_t offset, char* to, std::size_t size);

  std::size_t limit_;
  std::string directory_;
  std::string memory_;  // what comes after the file's bytes
  SpoolFile file_;
  std::uint64_t file_size_ = 0;
};

}  // namespace monodon::worker
