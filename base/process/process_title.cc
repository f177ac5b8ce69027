// SPDX-License-Identifier: Apache-2.0
// The name that ps(1) and top(1) show for this process.
#include "base/process/process_title.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/unique_fd.h"

namespace monodon::worker {
namespace {

constexpr int kArgStart = 48;  // proc(5), fields are counted from 1
constexpr int kArgEnd = 49;

std::uintptr_t number(std::string_view text) noexcept {
  std::uintptr_t value = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Zero addresses (no permission, another kernel) give an empty span.
std::span<char> find_arguments() noexcept {
  const UniqueFd stat{::open("/proc/self/stat", O_RDONLY | O_CLOEXEC)};
  std::array<char, 4096> buffer{};
  const ssize_t got = ::read(stat.get(), buffer.data(), buffer.size());
  if (got <= 0) return {};
  std::string_view text{buffer.data(), static_cast<std::size_t>(got)};
  // The second field, the name, is in parentheses and may hold anything.
  const std::size_t name_end = text.rfind(") ");
  if (name_end == std::string_view::npos) return {};
  text.remove_prefix(name_end + 2);

  std::uintptr_t start = 0;
  std::uintptr_t end = 0;
  for (int field = 3; field <= kArgEnd && !text.empty(); ++field) {
    const std::size_t space = std::min(text.find(' '), text.size());
    if (field == kArgStart) start = number(text.substr(0, space));
    if (field == kArgEnd) end = number(text.substr(0, space));
    text.remove_prefix(std::min(space + 1, text.size()));
  }
  if (start == 0 || end <= start) return {};
  return {reinterpret_cast<char*>(start), end - start};
}

}  // namespace

void set_title(std::string_view title) noexcept {
  static const std::span<char> area = find_arguments();
  if (area.empty()) return;
  // The last byte stays NUL: without it the kernel takes the environment for a part
  // of the title.
  const std::size_t size = std::min(title.size(), area.size() - 1);
  std::transform(title.begin(), title.begin() + static_cast<std::ptrdiff_t>(size),
                 area.begin(), [](char c) {
                   const auto byte = static_cast<unsigned char>(c);
                   return byte < 0x20 || byte == 0x7f ? '?' : c;
                 });
  std::memset(area.data() + size, 0, area.size() - size);
}

}  // namespace monodon::worker
