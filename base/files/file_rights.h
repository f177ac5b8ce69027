// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace monodon {

// Root among files that others can change. A path is trusted by root only where every
// directory on it, and behind each symbolic link in it, is root's and nobody else's to
// write: then nobody can put a link, another file or a fifo there between a look and an
// open. Everywhere else a process that was started as root for a user works with the
// rights of that user, so that the kernel judges every trick as what it is: something
// that the user wants to do.
//
// For the start of the master and for tools, while they have one thread.

// A user, as the kernel sees one.
struct Credentials {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // all, the first one among them
};

// The user with that number, with the groups that it would have after a login; without
// an entry in passwd(5) the number alone.
[[nodiscard]] Credentials credentials_of(uid_t uid);
// Looked up by name or number; `group`, if not "", in place of the user's own one.
[[nodiscard]] Result<Credentials> find_credentials(const std::string& user,
                                                   const std::string& group = {});
// Its name, or the number as text.
[[nodiscard]] std::string name_of_user(uid_t uid);

// The first place on the way to a path that is not root's alone.
struct Foreign {
  std::string place;         // the directory, or the file itself
  std::optional<uid_t> uid;  // whose it is; empty: root's, and others may write there
};

// std::nullopt: the directories on the way to `path` are root's alone, as far as they
// exist. Links are followed. A group of root's directory that may write there counts
// only when `user` is of it (acl(5) included), or always where no user is given. In a
// directory like /tmp only a directory of root's that is there already can be trusted.
[[nodiscard]] std::optional<Foreign> foreign_on_way(const std::string& path,
                                                    const Credentials* user = nullptr);

// The same, and the file (or directory) at the end counts too: for what is executed.
[[nodiscard]] std::optional<Foreign> foreign_content(const std::string& path);

// While it lives, this process has the rights of a user on files, sockets and what it
// starts with posix_spawn(3); then those of before. Throws std::system_error where the
// kernel refuses; a way back that is refused ends the process.
class ActingAs {
 public:
  ActingAs() = default;  // as who we are
  // all: the real ids too, so that a program that is started keeps nothing of root's.
  enum class Ids { effective, all };
  explicit ActingAs(const Credentials& user, Ids ids = Ids::effective);
  ActingAs(ActingAs&& other) noexcept;
  ActingAs& operator=(ActingAs&&) = delete;
  ~ActingAs();

  // For the message of an operation that failed: "", or " (as nobody: /srv/site is not
  // root's alone)" where FileRights chose so.
  [[nodiscard]] const std::string& why() const noexcept { return why_; }

 private:
  friend class FileRights;
  friend ActingAs as_keeper_of(const std::string& path);
  std::string why_;
  bool active_ = false;
  gid_t gid_ = 0;
  std::vector<gid_t> groups_;
};

// Where we are root, and the first place on the way that is not root's alone is a
// user's: that user; for a tool that was given none. Else as who we are.
[[nodiscard]] std::optional<Credentials> keeper_of(const std::string& path);
[[nodiscard]] ActingAs as_keeper_of(const std::string& path);

// With whose rights a process works on files: its own or, where it is root and was
// given a user, that user's in all places that are not root's alone; its own again,
// once it is root no more.
class FileRights {
 public:
  FileRights() = default;
  explicit FileRights(Credentials user);

  // Not while one that was given lives.
  [[nodiscard]] ActingAs for_path(const std::string& path) const;
  // Whether there is a user, and the directories on the way are root's alone.
  [[nodiscard]] bool kept_from_user(const std::string& path) const;

 private:
  std::optional<Credentials> user_;
};

}  // namespace monodon
