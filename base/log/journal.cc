// SPDX-License-Identifier: Apache-2.0
// Lines to journald in its native protocol, so that they keep their fields.
#include "base/log/journal.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstdlib>

#include "base/process/passed_fds.h"
#include "base/text/number.h"

namespace monodon {
namespace {

msghdr header_for(UnixAddress& address) noexcept {
  msghdr header{};
  header.msg_name = address.data();
  header.msg_namelen = address.size();
  return header;
}

char field_character(char c) noexcept {
  if (c >= 'a' && c <= 'z') return static_cast<char>(c - 'a' + 'A');
  return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : '_';
}

}  // namespace

Result<Journal> Journal::open(const std::string& socket_path) {
  Journal journal;
  journal.address_ = UnixAddress::of_path(socket_path);
  if (!journal.address_)
    return Error{"use the journal's socket " + socket_path, ENAMETOOLONG};
  journal.socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!journal.socket_) return last_error("make a socket for the journal");
  return journal;
}

void Journal::send(std::string_view entry) {
  if (!socket_) return;
  msghdr header = header_for(*address_);
  iovec part{const_cast<char*>(entry.data()), entry.size()};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (::sendmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return;
  const bool too_large = errno == EMSGSIZE || errno == ENOBUFS;
  if (!too_large || !send_large(entry)) ++dropped_;
}

bool Journal::send_large(std::string_view entry) {
  const UniqueFd memory{
      ::memfd_create("monodon-journal", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  if (!memory) return false;
  while (!entry.empty()) {
    const auto written = ::write(memory.get(), entry.data(), entry.size());
    if (written <= 0) return false;
    entry.remove_prefix(static_cast<std::size_t>(written));
  }
  // journald maps the file and takes it only if nobody can change it any more.
  constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
  if (::fcntl(memory.get(), F_ADD_SEALS, kSeals) != 0) return false;

  msghdr header = header_for(*address_);
  const int fd = memory.get();
  PassedFds<1> passed;
  passed.attach(header, {&fd, 1});
  return ::sendmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

void Journal::append_field(std::string& entry, std::string_view name,
                           std::string_view value) {
  std::string key;
  for (const char c : name.substr(0, 64)) {
    const char known = field_character(c);
    // A leading underscore is for journald's own, trusted fields.
    if (key.empty() && !(known >= 'A' && known <= 'Z')) continue;
    key.push_back(known);
  }
  if (key.empty()) return;
  entry += key;
  if (value.find('\n') == std::string_view::npos) {
    entry += '=';
  } else {
    entry += '\n';
    std::uint64_t left = value.size();  // little-endian, 8 bytes
    for (int i = 0; i < 8; ++i, left >>= 8U)
      entry.push_back(static_cast<char>(left & 255U));
  }
  entry += value;
  entry += '\n';
}

bool is_journal_stream(int fd) {
  const char* const text = ::getenv("JOURNAL_STREAM");
  if (text == nullptr) return false;
  const std::string_view stream{text};
  const std::size_t colon = stream.find(':');
  if (colon == std::string_view::npos) return false;
  const auto device = parse_number(stream.substr(0, colon));
  const auto inode = parse_number(stream.substr(colon + 1));
  struct stat about {};
  return device && inode && ::fstat(fd, &about) == 0 && about.st_dev == *device &&
         about.st_ino == *inode;
}

}  // namespace monodon
