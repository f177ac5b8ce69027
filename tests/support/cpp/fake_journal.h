// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/net/unix_address.h"
#include "base/unique_fd.h"

namespace monodon::testing {

// journald's end of its socket: takes entries and reads them as the protocol says.
class FakeJournal {
 public:
  explicit FakeJournal(const std::string& path)
      : socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)} {
    const auto address = UnixAddress::of_path(path).value();
    if (::bind(socket_.get(), address.data(), address.size()) != 0)
      throw std::runtime_error{"bind " + path};
  }

  using Entry = std::map<std::string, std::string>;

  // The next entry; throws if there is none, or if it is not one.
  [[nodiscard]] Entry receive(bool* sealed = nullptr) const {
    std::string data(1 << 20, '\0');
    iovec part{data.data(), data.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const auto size = ::recvmsg(socket_.get(), &header, MSG_CMSG_CLOEXEC);
    if (size < 0) throw std::runtime_error{"no entry"};
    data.resize(static_cast<std::size_t>(size));
    const cmsghdr* const rights = CMSG_FIRSTHDR(&header);
    if (rights == nullptr) return parse(data);
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(rights), sizeof(fd));
    return read_memory(UniqueFd{fd}, sealed);
  }

 private:
  static Entry read_memory(const UniqueFd& memory, bool* sealed) {
    constexpr int kAll = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    if (sealed != nullptr)
      *sealed = (::fcntl(memory.get(), F_GET_SEALS) & kAll) == kAll;
    struct stat about {};
    if (::fstat(memory.get(), &about) != 0) throw std::runtime_error{"fstat"};
    std::string data(static_cast<std::size_t>(about.st_size), '\0');
    if (::pread(memory.get(), data.data(), data.size(), 0) != about.st_size)
      throw std::runtime_error{"pread"};
    return parse(data);
  }

  static Entry parse(std::string_view data) {
    Entry entry;
    while (!data.empty()) {
      const std::size_t line = data.find('\n');
      const std::size_t equals = data.find('=');
      if (line == std::string_view::npos) throw std::runtime_error{"no end of line"};
      if (equals < line) {
        entry.emplace(data.substr(0, equals),
                      data.substr(equals + 1, line - equals - 1));
        data.remove_prefix(line + 1);
        continue;
      }
      const std::string name{data.substr(0, line)};
      data.remove_prefix(line + 1);
      std::uint64_t size = 0;  // the protocol's numbers are little-endian
      if (data.size() < 8) throw std::runtime_error{"no length"};
      for (std::size_t i = 8; i-- > 0;)
        size = (size << 8U) | static_cast<unsigned char>(data[i]);
      if (data.size() < 8 + size + 1 || data[8 + size] != '\n')
        throw std::runtime_error{"wrong length"};
      entry.emplace(name, data.substr(8, size));
      data.remove_prefix(8 + size + 1);
    }
    return entry;
  }

  UniqueFd socket_;
};

}  // namespace monodon::testing
