// SPDX-License-Identifier: Apache-2.0
// What doctor finds about files: what the service's user cannot read or write, and
// disks without room.
#include <fmt/format.h>

#include <algorithm>

#include "cli/doctor/diagnosis.h"

namespace monodon::cli {
namespace {

using Found = std::optional<Finding>;

std::string user_of(const Evidence& e) {
  if (property(e.service, "DynamicUser") == "yes")
    return "the user of " + e.service_name;
  const std::string user = property(e.service, "User");
  return user.empty() && e.settings ? e.settings->user : user;
}

Found user_unknown(const Evidence& e) {
  if (e.user_known) return {};
  return Finding{
      fmt::format("{} runs as {}:{}, which is no user or group here: systemd cannot "
                  "start it",
                  e.service_name, property(e.service, "User"),
                  property(e.service, "Group")),
      fmt::format("useradd --system --user-group {0}, or User= and Group= of {1}",
                  property(e.service, "User"), e.service_name)};
}

Found cannot_read(const Evidence& e) {
  for (const FileUse& use : e.uses) {
    if (use.writes || use.permitted) continue;
    return Finding{
        fmt::format("{} may not use {}, {}: Permission denied at the start", user_of(e),
                    use.path, use.what),
        // A worker remembers that it could not list a directory of modules.
        fmt::format(
            "chmod a+rx {0}; or give it to {1} (namei -l {0} shows whose it is); "
            "then {2}",
            use.path, user_of(e), restart_command(e))};
  }
  return {};
}

// All of `uses` that `wrong` is true of, for one remedy; what lies in a directory that
// is listed is listed with it.
template <typename Wrong>
std::vector<std::string> places(const Evidence& e, Wrong&& wrong) {
  std::vector<std::string> all;
  for (const FileUse& use : e.uses) {
    const bool covered = std::any_of(all.begin(), all.end(), [&](const auto& above) {
      return use.path == above || use.path.starts_with(above + "/");
    });
    if (use.writes && wrong(use) && !covered) all.push_back(use.path);
  }
  return all;
}

Finding read_only(const Evidence& e, const FileUse& use) {
  const bool code = e.settings && use.path == e.settings->worker.directory;
  const auto all = places(e, [](const FileUse& u) { return u.read_only; });
  return Finding{
      fmt::format(
          "{} is read-only for {} (ProtectSystem= and its kin): {} cannot be "
          "written{}",
          use.path, e.service_name, use.what,
          code ? "; it is the directory of the code, too, which a site that was "
                 "broken into could then change: a directory of its own is better"
               : ""),
      fmt::format("in [Service] of {}: ReadWritePaths={}", e.service_name,
                  fmt::join(all, " "))};
}

Finding not_permitted(const Evidence& e, const FileUse& use) {
  if (property(e.service, "DynamicUser") == "yes") {
    return Finding{
        fmt::format(
            "{} runs as a user that is made for it (DynamicUser=yes), which may "
            "not write {}, {}",
            e.service_name, use.path, use.what),
        fmt::format("what it writes must lie in its StateDirectory=, /var/lib/{}; or "
                    "{} needs a user of its own, User= in place of DynamicUser=",
                    e.site, e.service_name)};
  }
  const auto all = places(e, [](const FileUse& u) { return !u.permitted; });
  return Finding{fmt::format("{} may not write {}, {}: Permission denied", user_of(e),
                             use.path, use.what),
                 fmt::format("chown {}:{} {}", user_of(e), property(e.service, "Group"),
                             fmt::join(all, " "))};
}

Found cannot_write(const Evidence& e) {
  for (const FileUse& use : e.uses) {
    if (!use.writes) continue;
    if (!use.permitted) return not_permitted(e, use);
    if (use.read_only) return read_only(e, use);
  }
  return {};
}

Found spool_elsewhere(const Evidence& e) {
  if (!e.spool || e.spool->refused.empty()) return {};
  const bool memory = e.spool->used.empty();
  return Finding{
      fmt::format("large request bodies cannot be spooled in {}, so they go to {}",
                  fmt::join(e.spool->refused, " nor "),
                  memory ? "memory, 256M at most; what is larger is answered 507"
                         : e.spool->used),
      fmt::format("spool_directory: a directory on a disk that the service may write, "
                  "ReadWritePaths= of {} included",
                  e.service_name)};
}

Found disk_full(const Evidence& e) {
  if (e.full.empty()) return {};
  const FullPlace& first = e.full.front();
  return Finding{
      fmt::format("the file system of {} has no {} left: {} cannot be written",
                  first.path, first.of_inodes ? "room for more files" : "room",
                  first.what),
      fmt::format("df {}-h {} shows it; make room, or use another disk",
                  first.of_inodes ? "-i " : "", first.path)};
}

constexpr Check kFilesChecks[] = {
    {"user-unknown", Weight::error, "the service's user", user_unknown},
    {"user-cannot-read", Weight::error, "code that the user may read", cannot_read},
    {"user-cannot-write", Weight::error, "files that the user may write", cannot_write},
    {"disk-full", Weight::warning, "room on the disks", disk_full},
    {"spool-elsewhere", Weight::warning, "a place for large bodies", spool_elsewhere},
};

}  // namespace

std::span<const Check> file_checks() {
  return kFilesChecks;
}

}  // namespace monodon::cli
