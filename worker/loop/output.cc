// SPDX-License-Identifier: Apache-2.0
// What a client has not taken yet, in memory and then in a file.
#include "worker/loop/output.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace monodon::worker {

ssize_t send_some(int socket, std::span<const iovec> parts, int flags) noexcept {
  // Little is sent faster in one piece: the kernel has no list to fetch and check.
  std::array<char, 1024> whole;
  std::size_t size = 0;
  for (const iovec& part : parts) {
    if (part.iov_len > whole.size() - size) {
      size = 0;
      break;
    }
    if (part.iov_len != 0)
      std::memcpy(whole.data() + size, part.iov_base, part.iov_len);
    size += part.iov_len;
  }
  if (size != 0) {
    ssize_t sent;
    do {
      sent = ::send(socket, whole.data(), size, MSG_NOSIGNAL | MSG_DONTWAIT | flags);
    } while (sent < 0 && errno == EINTR);
    return sent;
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  ssize_t sent;
  do {
    sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT | flags);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

ssize_t send_file_part(int socket, int file, std::uint64_t offset,
                       std::uint64_t count) noexcept {
  constexpr std::uint64_t kMost = 1U << 30U;
  ssize_t n;
  do {
    auto at = static_cast<off_t>(offset);
    n = ::sendfile(socket, file, &at, std::min(count, kMost));
  } while (n < 0 && errno == EINTR);
  const bool cannot = n == 0 || (n < 0 && (errno == EINVAL || errno == ENOSYS ||
                                           errno == EOVERFLOW || errno == EIO));
  if (!cannot) return n;
  std::array<char, 16 * 1024> block;
  const std::size_t want = std::min<std::uint64_t>(count, block.size());
  do {
    n = ::pread(file, block.data(), want, static_cast<off_t>(offset));
  } while (n < 0 && errno == EINTR);
  if (n <= 0) return 0;
  const iovec part{block.data(), static_cast<std::size_t>(n)};
  return send_some(socket, {&part, 1});
}

std::uint64_t Output::missing() const noexcept {
  return segments_.empty() ? 0 : segments_.front().end - segments_.front().begin;
}

bool Output::full(const Limits& limits) const noexcept {
  return spooled_ >= limits.spool || memory_ > 2 * limits.memory;
}

void Output::append(std::string_view bytes, const Limits& limits) {
  if (bytes.empty()) return;
  const bool spooling = !segments_.empty() && segments_.back().file;
  if ((spooling || memory_ + bytes.size() > limits.memory) && spool(bytes, limits))
    return;
  if (segments_.empty() || segments_.back().fd || segments_.back().file)
    segments_.emplace_back();
  Segment& last = segments_.back();
  last.bytes.append(bytes);
  last.end = last.bytes.size();
  memory_ += bytes.size();
}

// False: the disk does not take it. What was written of `bytes` is forgotten.
bool Output::spool(std::string_view bytes, const Limits& limits) {
  if (segments_.empty() || !segments_.back().file) {
    auto file = SpoolFile::open(limits.directory);
    if (!file) return false;
    Segment next;
    next.file = std::move(file).value();
    segments_.push_back(std::move(next));
  }
  Segment& last = segments_.back();
  if (!last.file.write(last.end, bytes)) return false;
  spooled_ += bytes.size();
  last.end += bytes.size();
  return true;
}

Outcome Output::append_file(int fd, std::uint64_t offset, std::uint64_t count) {
  Segment next;
  next.fd.reset(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!next.fd) return last_error("duplicate descriptor of the response file");
  next.begin = offset;
  next.end = offset + count;
  segments_.push_back(std::move(next));
  return ok();
}

Output::Flushed Output::flush(int socket) {
  while (!segments_.empty()) {
    Segment& first = segments_.front();
    const std::uint64_t left = first.end - first.begin;
    ssize_t n = 0;
    const int file = first.file ? first.file.fd() : first.fd.get();
    if (file >= 0) {
      if (left != 0) n = send_file_part(socket, file, first.begin, left);
      if (n == 0 && left != 0)
        return first.file ? Flushed::broken : Flushed::short_file;
    } else {
      const iovec part{first.bytes.data() + first.begin, left};
      n = send_some(socket, {&part, 1});
    }
    if (n < 0)
      return errno == EAGAIN || errno == EWOULDBLOCK ? Flushed::would_block
                                                     : Flushed::broken;
    first.begin += static_cast<std::uint64_t>(n);
    taken_ += static_cast<std::uint64_t>(n);
    if (first.file) {
      spooled_ -= static_cast<std::uint64_t>(n);
    } else if (file < 0) {
      memory_ -= static_cast<std::uint64_t>(n);
    }
    if (first.begin == first.end) segments_.pop_front();
  }
  return Flushed::everything;
}

void Output::clear() {
  segments_.clear();
  memory_ = spooled_ = 0;
}

}  // namespace monodon::worker
