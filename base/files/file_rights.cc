// SPDX-License-Identifier: Apache-2.0
// Decides where root may trust a path, and works as the user where it may not.
#include "base/files/file_rights.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

#include "base/text/number.h"

namespace monodon {
namespace {

constexpr unsigned kMostLinks = 40;  // as the kernel's own limit

// Only effective rights count: the real user may still be root.
bool may_write(const Credentials& user, const std::string& directory) {
  const ActingAs acting{user};
  return ::faccessat(AT_FDCWD, directory.c_str(), W_OK, AT_EACCESS) == 0;
}

std::string absolute(const std::string& path) {
  if (path.starts_with('/')) return path;
  std::error_code error;
  const auto here = std::filesystem::current_path(error);
  // A deploy may have removed it; nothing can be opened there any more.
  return (error ? std::filesystem::path{"/proc/self/cwd"} / path : here / path)
      .string();
}

std::vector<std::string> components_of(const std::string& path) {
  std::vector<std::string> all;  // the last one comes first
  for (std::size_t end = path.size(); end > 0;) {
    const std::size_t slash = path.rfind('/', end - 1);
    const std::size_t begin = slash == std::string::npos ? 0 : slash + 1;
    if (begin < end) all.push_back(path.substr(begin, end - begin));
    end = slash == std::string::npos ? 0 : slash;
  }
  return all;
}

// Goes along a path as the kernel does. What was passed is root's alone, so nobody else
// can change it behind our back: names are as good as descriptors here.
class Walk {
 public:
  Walk(const std::string& path, const Credentials* user)
      : user_{user}, rest_{components_of(path)} {}

  std::optional<Foreign> run(bool content) {
    while (true) {
      struct stat here {};
      if (::stat(name().c_str(), &here) != 0) return std::nullopt;
      if (auto found = judge_directory(here)) return found;
      if (rest_.empty()) return std::nullopt;
      const std::string next = std::move(rest_.back());
      rest_.pop_back();
      if (next == ".") continue;
      if (next == "..") {
        where_.resize(std::min(where_.rfind('/'), where_.size()));
        continue;
      }
      struct stat entry {};
      const std::string path = where_ + "/" + next;
      const bool exists = ::lstat(path.c_str(), &entry) == 0;
      // Whoever comes first may take the name; and what is no directory may be another
      // name of a file of root's, or may have been moved there.
      if (open_ && !exists) return Foreign{name(), std::nullopt};
      if (open_ && entry.st_uid != 0) return Foreign{path, entry.st_uid};
      if (open_ && !S_ISDIR(entry.st_mode)) return Foreign{path, std::nullopt};
      if (!exists) return std::nullopt;
      if (S_ISLNK(entry.st_mode)) {
        if (!follow(path)) return Foreign{path, entry.st_uid};
      } else if (S_ISDIR(entry.st_mode)) {
        where_ = path;
      } else {
        return content ? judge_file(path, entry) : std::nullopt;
      }
    }
  }

 private:
  [[nodiscard]] std::string name() const { return where_.empty() ? "/" : where_; }

  std::optional<Foreign> judge_directory(const struct stat& here) {
    if (here.st_uid != 0) return Foreign{name(), here.st_uid};
    // Everybody may add to it, but not rename what is another's (sticky bit).
    open_ = (here.st_mode & S_IWOTH) != 0;
    if (open_ && ((here.st_mode & S_ISVTX) == 0 || rest_.empty()))
      return Foreign{name(), std::nullopt};
    if (!open_ && (here.st_mode & S_IWGRP) != 0 &&
        (user_ == nullptr || may_write(*user_, name())))
      return Foreign{name(), std::nullopt};
    return std::nullopt;
  }

  static std::optional<Foreign> judge_file(const std::string& path,
                                           const struct stat& file) {
    if (file.st_uid != 0) return Foreign{path, file.st_uid};
    if ((file.st_mode & (S_IWGRP | S_IWOTH)) != 0) return Foreign{path, std::nullopt};
    return std::nullopt;
  }

  bool follow(const std::string& link) {
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
    if (size <= 0 || ++links_ > kMostLinks) return false;
    const std::string to{target.data(), static_cast<std::size_t>(size)};
    if (to.front() == '/') where_.clear();
    for (std::string& part : components_of(to)) rest_.push_back(std::move(part));
    return true;
  }

  const Credentials* user_;
  std::vector<std::string> rest_;  // what is still to come; the last is next
  std::string where_;              // the directory that we are in, without links
  bool open_ = false;              // everybody may add to it
  unsigned links_ = 0;
};

void check(int result, const char* what) {
  if (result != 0) throw std::system_error{errno, std::generic_category(), what};
}

}  // namespace

Credentials credentials_of(uid_t uid) {
  Credentials user{uid, static_cast<gid_t>(uid), {}};
  if (const passwd* const entry = ::getpwuid(uid)) {
    user.gid = entry->pw_gid;
    int count = 64;
    user.groups.resize(static_cast<std::size_t>(count));
    if (::getgrouplist(entry->pw_name, user.gid, user.groups.data(), &count) < 0) {
      user.groups.resize(static_cast<std::size_t>(count));
      (void)::getgrouplist(entry->pw_name, user.gid, user.groups.data(), &count);
    }
    user.groups.resize(static_cast<std::size_t>(std::max(count, 0)));
  } else {
    user.groups = {user.gid};
  }
  return user;
}

Result<Credentials> find_credentials(const std::string& user,
                                     const std::string& group) {
  constexpr std::uint64_t kMostId = std::numeric_limits<uid_t>::max();
  const passwd* const entry = ::getpwnam(user.c_str());
  const auto number = parse_number(user, kMostId);
  if (entry == nullptr && !number) return Error{"there is no user \"" + user + "\""};
  Credentials found =
      credentials_of(entry != nullptr ? entry->pw_uid : static_cast<uid_t>(*number));
  if (group.empty()) return found;
  const struct group* const named = ::getgrnam(group.c_str());
  const auto gid = parse_number(group, kMostId);
  if (named == nullptr && !gid) return Error{"there is no group \"" + group + "\""};
  found.gid = named != nullptr ? named->gr_gid : static_cast<gid_t>(*gid);
  found.groups.push_back(found.gid);
  return found;
}

std::string name_of_user(uid_t uid) {
  const passwd* const entry = ::getpwuid(uid);
  return entry == nullptr ? std::to_string(uid) : entry->pw_name;
}

std::optional<Foreign> foreign_on_way(const std::string& path,
                                      const Credentials* user) {
  return Walk{absolute(path), user}.run(false);
}

std::optional<Foreign> foreign_content(const std::string& path) {
  return Walk{absolute(path), nullptr}.run(true);
}

ActingAs::ActingAs(const Credentials& user, Ids ids) {
  const int count = ::getgroups(0, nullptr);
  check(count < 0 ? -1 : 0, "read the groups of this process");
  groups_.resize(static_cast<std::size_t>(count));
  check(::getgroups(count, groups_.data()) < 0 ? -1 : 0,
        "read the groups of this process");
  gid_ = ::getegid();
  const std::string what = "act as user " + name_of_user(user.uid);
  check(::setgroups(user.groups.size(), user.groups.data()), what.c_str());
  active_ = true;
  const bool all = ids == Ids::all;
  const gid_t real_group = all ? user.gid : static_cast<gid_t>(-1);
  const uid_t real = all ? user.uid : static_cast<uid_t>(-1);
  check(::setresgid(real_group, user.gid, gid_), what.c_str());
  check(::setresuid(real, user.uid, 0), what.c_str());
}

ActingAs::ActingAs(ActingAs&& other) noexcept
    : why_{std::move(other.why_)},
      active_{std::exchange(other.active_, false)},
      gid_{other.gid_},
      groups_{std::move(other.groups_)} {}

ActingAs::~ActingAs() {
  if (!active_) return;
  // Half a way back is not to be gone on with.
  if (::setresuid(0, 0, 0) != 0 || ::setresgid(gid_, gid_, gid_) != 0 ||
      ::setgroups(groups_.size(), groups_.data()) != 0)
    std::abort();
}

std::optional<Credentials> keeper_of(const std::string& path) {
  if (::geteuid() != 0) return std::nullopt;
  const auto foreign = foreign_on_way(path);
  if (!foreign || !foreign->uid) return std::nullopt;
  return credentials_of(*foreign->uid);
}

ActingAs as_keeper_of(const std::string& path) {
  const auto keeper = keeper_of(path);
  if (!keeper) return {};
  ActingAs acting{*keeper};
  acting.why_ = " (as " + name_of_user(keeper->uid) + ", whose directory it is in)";
  return acting;
}

FileRights::FileRights(Credentials user) {
  if (::geteuid() == 0 && user.uid != 0) user_ = std::move(user);
}

bool FileRights::kept_from_user(const std::string& path) const {
  return user_ && ::geteuid() == 0 && !foreign_on_way(path, &*user_);
}

ActingAs FileRights::for_path(const std::string& path) const {
  if (!user_ || ::geteuid() != 0) return {};
  const auto foreign = foreign_on_way(path, &*user_);
  if (!foreign) return {};
  ActingAs acting{*user_};
  acting.why_ = " (as " + name_of_user(user_->uid) + ": " + foreign->place +
                " is not root's alone)";
  return acting;
}

}  // namespace monodon
