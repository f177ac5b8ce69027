// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <optional>
#include <string_view>

namespace monodon {

// The address of a Unix socket, as connect(2), bind(2) and sendmsg(2) take it: unix(7).
class UnixAddress {
 public:
  static constexpr std::size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;  // bytes

  // None for a path or name that is empty or longer than kLongest.
  [[nodiscard]] static std::optional<UnixAddress> of_path(
      std::string_view path) noexcept;
  // Of the abstract namespace, `name` without the NUL that such an address begins with.
  [[nodiscard]] static std::optional<UnixAddress> abstract(
      std::string_view name) noexcept;

  // Not const: msghdr wants it so. The kernel only reads it.
  [[nodiscard]] sockaddr* data() noexcept { return reinterpret_cast<sockaddr*>(&un_); }
  [[nodiscard]] const sockaddr* data() const noexcept {
    return reinterpret_cast<const sockaddr*>(&un_);
  }
  [[nodiscard]] socklen_t size() const noexcept { return size_; }

 private:
  UnixAddress(std::string_view name, std::size_t begin) noexcept;

  sockaddr_un un_{};
  socklen_t size_ = 0;
};

}  // namespace monodon
