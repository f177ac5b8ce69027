// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <deque>
#include <span>
#include <string>

#include "base/files/spool_file.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace monodon::worker {

// What the client of one connection did not take yet, in order: memory, then an
// unlinked spool file once memory is full, and pieces of files.
//
// Not locked: the exchange and the keeper share it under Connection::output_mutex.
class Output {
 public:
  struct Limits {
    std::uint64_t memory = 1024 * 1024;
    std::uint64_t spool = 1ULL << 30;
    std::string directory = "/var/tmp";
  };
  enum class Flushed : std::uint8_t {
    everything,
    would_block,
    broken,
    short_file  // as broken: a file of append_file() ended before its end
  };

  [[nodiscard]] bool empty() const noexcept { return segments_.empty(); }
  [[nodiscard]] std::uint64_t size() const noexcept { return memory_ + spooled_; }
  // True if more than the limits is waiting: the producer should pause.
  [[nodiscard]] bool full(const Limits& limits) const noexcept;

  // Copies. When no spool file takes it (disk full, spool_limit), memory does and
  // full() becomes true, so that the producer waits instead of losing data.
  void append(std::string_view bytes, const Limits& limits);
  // Duplicates `fd`; an Error when there is no descriptor for it.
  Outcome append_file(int fd, std::uint64_t offset, std::uint64_t count);

  // Writes to the non-blocking `socket` until it would block.
  Flushed flush(int socket);
  // How many bytes flush() has ever written: whether the client takes anything.
  [[nodiscard]] std::uint64_t taken() const noexcept { return taken_; }
  // What flush() has not written of the first segment: of a short file, what is
  // missing.
  [[nodiscard]] std::uint64_t missing() const noexcept;
  void clear();

 private:
  struct Segment {
    std::string bytes;  // if there is no file
    UniqueFd fd;
    SpoolFile file;           // our own file, which may still grow
    std::uint64_t begin = 0;  // next byte to send
    std::uint64_t end = 0;
  };
  bool spool(std::string_view bytes, const Limits& limits);

  std::deque<Segment> segments_;
  std::uint64_t memory_ = 0;
  std::uint64_t spooled_ = 0;
  std::uint64_t taken_ = 0;
};

// sendmsg(2) without blocking and without SIGPIPE, EINTR repeated. Bytes sent, or -1
// with errno.
ssize_t send_some(int socket, std::span<const iovec> parts, int flags = 0) noexcept;

// A part of a file to a non-blocking socket: with sendfile(2), or by way of memory
// where that cannot be done with this file (its file system has none, its size is not
// true). Bytes sent; 0: the file ends at `offset`, or cannot be read there; -1 with
// errno of the socket, EINTR repeated.
ssize_t send_file_part(int socket, int file, std::uint64_t offset,
                       std::uint64_t count) noexcept;

}  // namespace monodon::worker
