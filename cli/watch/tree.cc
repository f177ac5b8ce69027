// SPDX-License-Identifier: Apache-2.0
// Looks at directories and tells what is different from the last time.
#include "cli/watch/tree.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

namespace monodon::cli {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { (void)::closedir(directory); }
};
using OpenDirectory = std::unique_ptr<DIR, CloseDirectory>;

std::string join(const std::string& directory, const std::string& name) {
  return directory == "/" ? directory + name : directory + "/" + name;
}

// A virtual environment is not the application's code, whatever its name is.
bool is_directory_of_code(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode) &&
         ::access((path + "/pyvenv.cfg").c_str(), F_OK) != 0;
}

}  // namespace

bool Tree::stamp_of(const std::string& path, Stamp& stamp) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0 || !S_ISREG(found.st_mode)) return false;
  stamp = {found.st_dev, found.st_ino, found.st_size,
           found.st_mtim.tv_sec * kSecond + found.st_mtim.tv_nsec,
           found.st_ctim.tv_sec * kSecond + found.st_ctim.tv_nsec};
  return true;
}

void Tree::look_at_all(Changes& changes) {
  for (const std::string& start : interest_.starts()) look(start, true, changes);
}

void Tree::look(const std::string& directory, Changes& changes) {
  struct stat about {};
  if (::stat(directory.c_str(), &about) == 0)
    if (const auto known = by_id_.find({about.st_dev, about.st_ino});
        known != by_id_.end() && directories_.contains(known->second))
      return look(std::string{known->second}, false, changes);
  look(directory, false, changes);
}

Tree::Changes Tree::changed_since(std::int64_t realtime_ns) const {
  Changes changes;
  for (const auto& [path, directory] : directories_)
    for (const auto& [name, stamp] : directory.files)
      if (stamp.changed_ns >= realtime_ns) changes.insert(join(path, name));
  return changes;
}

bool Tree::add_file(const std::string& path, std::int64_t since_ns) {
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == 0 ? "/" : path.substr(0, slash);
  hooks_.entered(directory);
  Stamp stamp{};
  if (!stamp_of(path, stamp)) return false;
  return directories_[directory]
             .files.try_emplace(path.substr(slash + 1), stamp)
             .second &&
         stamp.changed_ns >= since_ns;
}

bool Tree::read(const std::string& directory, Directory& now) const {
  const OpenDirectory open{::opendir(directory.c_str())};
  struct stat about {};
  if (!open || ::fstat(::dirfd(open.get()), &about) != 0) return false;
  now.id = {about.st_dev, about.st_ino};
  while (const dirent* const entry = ::readdir(open.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    const std::string path = join(directory, name);
    Stamp stamp{};
    if (entry->d_type != DT_DIR && interest_.wants_file(path) && stamp_of(path, stamp))
      now.files.emplace(name, stamp);
    else if (entry->d_type != DT_REG && interest_.enters(path) &&
             is_directory_of_code(path))
      now.directories.insert(name);
  }
  return true;
}

void Tree::look(const std::string& directory, bool deep, Changes& changes) {
  hooks_.entered(directory);
  Directory now;
  if (!read(directory, now)) return forget(directory, changes);
  if (const auto [other, first] = by_id_.try_emplace(now.id, directory);
      !first && other->second != directory) {
    if (directories_.contains(other->second)) return hooks_.entered(other->second);
    other->second = directory;
  }
  Directory& before = directories_[directory];
  for (const auto& [name, stamp] : now.files)
    if (const auto old = before.files.find(name);
        old == before.files.end() || old->second != stamp)
      changes.insert(join(directory, name));
  for (const auto& [name, stamp] : before.files)
    if (!now.files.contains(name)) changes.insert(join(directory, name));
  const std::set<std::string> known = std::move(before.directories);
  before = now;
  for (const std::string& name : known)
    if (!now.directories.contains(name)) forget(join(directory, name), changes);
  for (const std::string& name : now.directories)
    if (deep || !directories_.contains(join(directory, name)))
      look(join(directory, name), deep, changes);
}

void Tree::forget(const std::string& directory, Changes& changes) {
  hooks_.left(directory);
  const auto found = directories_.find(directory);
  if (found == directories_.end()) return;
  const Directory gone = std::move(found->second);
  directories_.erase(found);
  by_id_.erase(gone.id);
  for (const auto& [name, stamp] : gone.files) changes.insert(join(directory, name));
  for (const std::string& name : gone.directories)
    forget(join(directory, name), changes);
}

}  // namespace monodon::cli
