// SPDX-License-Identifier: Apache-2.0
// Directories under inotify.
#include "cli/watch/notices.h"

#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

namespace monodon::cli {
namespace {

// Writing is over with IN_CLOSE_WRITE, as a rule.
constexpr std::uint32_t kMask = IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO |
                                IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB |
                                IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
// statfs(2): NFS, SMB, CIFS, SMB 2, FUSE, 9P, VirtualBox, Ceph, AFS, Coda.
constexpr std::array<std::uint32_t, 10> kRemote{
    0x6969,     0x517b,     0xff534d42, 0xfe534d42, 0x65735546,
    0x01021997, 0x786f4256, 0x00c36400, 0x5346414f, 0x73757245};

}  // namespace

Result<Notices> Notices::open() {
  Notices made;
  made.fd_.reset(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!made.fd_) return last_error("use inotify");
  return made;
}

Outcome Notices::watch(const std::string& directory) {
  if (!fd_) return ok();
  const int number = ::inotify_add_watch(fd_.get(), directory.c_str(), kMask);
  if (number < 0) {
    if (errno == ENOENT || errno == ENOTDIR || errno == EACCES) return ok();
    return last_error("watch " + directory);
  }
  paths_[number] = directory;
  numbers_[directory] = number;
  return ok();
}

void Notices::forget(const std::string& directory) {
  const auto found = numbers_.find(directory);
  if (found == numbers_.end()) return;
  const auto path = paths_.find(found->second);
  // A directory that was moved has its number by another name by now.
  if (path != paths_.end() && path->second == directory) {
    (void)::inotify_rm_watch(fd_.get(), found->second);
    paths_.erase(path);
  }
  numbers_.erase(found);
}

Notices::News Notices::read() {
  News news;
  alignas(inotify_event) std::array<char, 64 * 1024> block;
  for (;;) {
    const ssize_t got = ::read(fd_.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return news;
    std::size_t at = 0;
    while (at < static_cast<std::size_t>(got)) {
      inotify_event event{};
      std::memcpy(&event, block.data() + at, sizeof event);
      const char* const name = event.len > 0 ? block.data() + at + sizeof event : "";
      at += sizeof event + event.len;
      news.lost = news.lost || (event.mask & IN_Q_OVERFLOW) != 0;
      const auto path = paths_.find(event.wd);
      if (path == paths_.end()) continue;
      if ((event.mask & IN_MODIFY) != 0)
        news.written.emplace(path->second, name);
      else
        news.directories.insert(path->second);
    }
  }
}

bool is_remote(const std::string& directory) {
  struct statfs about {};
  if (::statfs(directory.c_str(), &about) != 0) return false;
  const auto type = static_cast<std::uint32_t>(about.f_type);
  return std::ranges::find(kRemote, type) != kRemote.end();
}

}  // namespace monodon::cli
