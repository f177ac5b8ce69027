// SPDX-License-Identifier: Apache-2.0
// Users and groups: found, and become.
#include "master/system/identity.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <utility>

namespace monodon::master {

namespace {

std::optional<std::uint32_t> number(const std::string& text) {
  std::uint32_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failed] = std::from_chars(text.data(), end, value);
  if (failed != std::errc{} || stop != end) return std::nullopt;
  return value;
}

Outcome change_groups(const Owner& owner, gid_t gid) {
  const int r =
      owner.name.empty() ? ::setgroups(1, &gid) : ::initgroups(owner.name.c_str(), gid);
  return r == 0 ? ok() : last_error("set supplementary groups");
}

}  // namespace

Result<Owner> find_owner(const std::string& user, const std::string& group) {
  Owner owner;
  if (!user.empty()) {
    // Looked up once at start, before there could be another thread.
    const auto uid = number(user);
    const passwd* entry = uid ? ::getpwuid(*uid) : ::getpwnam(user.c_str());
    if (entry == nullptr && !uid) return Error{"there is no user \"" + user + "\""};
    owner.uid = entry == nullptr ? uid : std::optional<uid_t>{entry->pw_uid};
    owner.name = entry == nullptr ? "" : entry->pw_name;
    owner.primary = entry == nullptr ? ::getgid() : entry->pw_gid;
  }
  if (!group.empty()) {
    const auto gid = number(group);
    const struct group* entry = gid ? nullptr : ::getgrnam(group.c_str());
    if (entry == nullptr && !gid) return Error{"there is no group \"" + group + "\""};
    owner.gid = gid ? gid : std::optional<gid_t>{entry->gr_gid};
  }
  return owner;
}

Outcome become(const Owner& owner) {
  if (!owner.uid && !owner.gid) return ok();
  const uid_t uid = owner.uid.value_or(::getuid());
  const gid_t gid = owner.gid.value_or(owner.uid ? owner.primary : ::getgid());
  if (uid == ::getuid() && uid == ::geteuid() && gid == ::getgid() &&
      gid == ::getegid())
    return ok();
  if (auto changed = change_groups(owner, gid); !changed) return changed;
  if (::setresgid(gid, gid, gid) != 0) return last_error("change group");
  if (::setresuid(uid, uid, uid) != 0) return last_error("change user");

  uid_t real = 0;
  uid_t effective = 0;
  uid_t saved = 0;
  if (::getresuid(&real, &effective, &saved) != 0 || real != uid || effective != uid ||
      saved != uid)
    return Error{"change user: the old one would come back", EPERM};
  gid_t real_group = 0;
  gid_t effective_group = 0;
  gid_t saved_group = 0;
  if (::getresgid(&real_group, &effective_group, &saved_group) != 0 ||
      real_group != gid || effective_group != gid || saved_group != gid)
    return Error{"change group: the old one would come back", EPERM};
  return ok();
}

FileRights rights_of(const Owner& owner) {
  if (!owner.uid) return {};
  Credentials user = credentials_of(*owner.uid);
  if (owner.gid) {
    user.gid = *owner.gid;
    user.groups.push_back(user.gid);
  }
  return FileRights{std::move(user)};
}

Outcome give_log_file(const std::string& path, const Owner& owner,
                      const FileRights& rights) {
  if (path.empty() || path == "-" || (!owner.uid && !owner.gid)) return ok();
  // A fifo that nobody reads does not open so (ENXIO), and needs no gift.
  constexpr int kFlags =
      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  const ActingAs acting = rights.for_path(path);
  const UniqueFd fd{::open(path.c_str(), kFlags, 0666)};
  if (!fd && errno == ENXIO) return ok();
  if (!fd) {
    const int code = errno;
    return Error{"open log file " + path + acting.why(), code};
  }
  struct stat file {};
  if (::fstat(fd.get(), &file) != 0) return last_error("look at log file " + path);
  const uid_t uid = owner.uid.value_or(file.st_uid);
  const gid_t gid = owner.gid.value_or(owner.uid ? owner.primary : file.st_gid);
  // As the user there is nothing to give: it has made the file, or may write to it.
  if (!S_ISREG(file.st_mode) || ::geteuid() != 0) return ok();
  if (::fchown(fd.get(), uid, gid) != 0) return last_error("change owner of " + path);
  return ok();
}

Result<PidFile> PidFile::make(const std::string& path, const FileRights& rights) {
  PidFile file;
  if (path.empty()) return file;
  constexpr int kFlags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  const ActingAs acting = rights.for_path(path);
  file.fd_.reset(::open(path.c_str(), kFlags, 0644));
  if (!file.fd_) {
    const int code = errno;
    return Error{"open pid file " + path + acting.why(), code};
  }
  struct stat found {};
  if (::fstat(file.fd_.get(), &found) != 0) return last_error("look at " + path);
  if (!S_ISREG(found.st_mode))
    return Error{"pid file " + path + ": there is something that is not a file"};
  if (::flock(file.fd_.get(), LOCK_EX | LOCK_NB) != 0)
    return errno == EWOULDBLOCK ? Error{"another master runs with the pid file " + path}
                                : last_error("lock pid file " + path);
  file.path_ = path;
  const std::string text = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file.fd_.get(), 0) != 0 ||
      ::pwrite(file.fd_.get(), text.data(), text.size(), 0) !=
          static_cast<ssize_t>(text.size()))
    return last_error("write pid file " + path);
  return file;
}

PidFile::~PidFile() {
  if (!fd_) return;
  // Emptied first: a directory may not let us remove it after the change of user.
  (void)!::ftruncate(fd_.get(), 0);
  struct stat ours {};
  struct stat there {};
  if (::fstat(fd_.get(), &ours) == 0 && ::lstat(path_.c_str(), &there) == 0 &&
      ours.st_dev == there.st_dev && ours.st_ino == there.st_ino)
    (void)::unlink(path_.c_str());
}

}  // namespace monodon::master
