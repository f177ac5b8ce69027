// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace monodon::worker {

// Bytes that are added at the end and used from the beginning. Unlike std::string it
// does not zero what is about to be overwritten, by recv(2) for one, and it can give
// its memory back while nobody needs it. Views into it are valid until the next
// reserve(), consume() or release().
class ByteBuffer {
 public:
  static constexpr std::size_t kFirst = 8 * 1024;

  [[nodiscard]] std::string_view view() const noexcept {
    return {data_.get() + begin_, end_ - begin_};
  }
  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }

  // Room for at least `more` bytes behind what is there.
  char* reserve(std::size_t more) {
    if (begin_ == end_) begin_ = end_ = 0;
    if (capacity_ - end_ >= more) return data_.get() + end_;
    const std::size_t used = end_ - begin_;
    std::size_t wanted = capacity_ == 0 ? kFirst : capacity_;
    while (wanted - used < more) wanted *= 2;
    if (wanted == capacity_) {
      std::memmove(data_.get(), data_.get() + begin_, used);
    } else {
      std::unique_ptr<char[]> bigger{new char[wanted]};
      if (used != 0) std::memcpy(bigger.get(), data_.get() + begin_, used);
      data_ = std::move(bigger);
      capacity_ = wanted;
    }
    begin_ = 0;
    end_ = used;
    return data_.get() + end_;
  }
  [[nodiscard]] std::size_t room() const noexcept { return capacity_ - end_; }
  void commit(std::size_t arrived) noexcept { end_ += arrived; }
  void consume(std::size_t used) noexcept { begin_ += used; }
  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(reserve(bytes.size()), bytes.data(), bytes.size());
    commit(bytes.size());
  }
  void clear() noexcept { begin_ = end_ = 0; }
  void release() noexcept {
    data_.reset();
    begin_ = end_ = capacity_ = 0;
  }

 private:
  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace monodon::worker
