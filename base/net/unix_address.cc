// SPDX-License-Identifier: Apache-2.0
// Paths and abstract names as addresses of Unix sockets.
#include "base/net/unix_address.h"

#include <cstddef>
#include <cstring>

namespace monodon {
namespace {

bool fits(std::string_view name) noexcept {
  return !name.empty() && name.size() <= UnixAddress::kLongest;
}

}  // namespace

std::optional<UnixAddress> UnixAddress::of_path(std::string_view path) noexcept {
  if (!fits(path)) return std::nullopt;
  return UnixAddress{path, 0};
}

std::optional<UnixAddress> UnixAddress::abstract(std::string_view name) noexcept {
  if (!fits(name)) return std::nullopt;
  return UnixAddress{name, 1};
}

// One byte more than the name in either case: a path has its NUL behind it.
UnixAddress::UnixAddress(std::string_view name, std::size_t begin) noexcept
    : size_{static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + 1)} {
  un_.sun_family = AF_UNIX;
  std::memcpy(un_.sun_path + begin, name.data(), name.size());
}

}  // namespace monodon
