// SPDX-License-Identifier: Apache-2.0
// Evidence from files: owners and modes on the way to the socket.
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/run_program.h"
#include "cli/doctor/gather.h"
#include "cli/flags/shell_words.h"
#include "master/config/interpreter.h"

// What the service's user must be able to read and to write.
namespace monodon::cli {
namespace {

namespace fs = std::filesystem;
using Found = std::optional<Finding>;

std::vector<std::string> words(const std::string& text) {
  auto split = shell_words(text);
  return split ? std::move(split).value() : std::vector<std::string>{};
}

bool is_below(const std::string& path, const std::string& directory) {
  return path == directory || directory == "/" || path.starts_with(directory + "/");
}

// As the user, so that groups and access lists count: test(1).
bool may(const std::string& user, const char* what, const std::string& path) {
  const passwd* const entry = ::getpwnam(user.c_str());
  if (entry == nullptr) return true;  // told by user-unknown
  const auto done = run_program(
      {"setpriv", fmt::format("--reuid={}", entry->pw_uid),
       fmt::format("--regid={}", entry->pw_gid), "--init-groups", "test", what, path},
      std::chrono::seconds{10});
  return !done || done.value().status == 0;
}

class Uses {
 public:
  explicit Uses(Evidence& e) : e_{e}, user_{property(e.service, "User")} {}

  void gather() {
    const worker::Settings& settings = e_.settings->worker;
    reads("the application's directory", settings.directory, "-x");
    if (const auto python =
            master::find_interpreter(e_.settings->python, settings.directory)) {
      reads("the interpreter", python.value().path, "-x");
    }
    writes_file("access_log", settings.access_log);
    writes_file("error_log", settings.error_log);
    writes("spool_directory", settings.spool_directory);
    if (!e_.facts) return;
    for (const std::string& file : e_.facts->sqlite) {
      writes_file("the database", file);
      // Its journal is made beside it.
      writes("the database's directory", fs::path{file}.parent_path());
    }
    if (fs::exists(e_.facts->media_root)) writes("MEDIA_ROOT", e_.facts->media_root);
  }

 private:
  void reads(const std::string& what, const std::string& path, const char* how) {
    e_.uses.push_back({what, path, false, may(user_, how, path), false});
  }

  void writes_file(const std::string& what, const std::string& file) {
    if (!file.starts_with('/')) return;
    // One that is not there yet is made.
    writes(what, fs::exists(file) ? file : fs::path{file}.parent_path().string());
  }

  void writes(const std::string& what, const std::string& path) {
    if (!path.starts_with('/')) return;
    e_.uses.push_back(
        {what, path, true, may(user_, "-w", path), is_read_only(e_.service, path)});
  }

  Evidence& e_;
  std::string user_;
};

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
        fmt::format("{} may not use {}, {}: Permission denied at the start",
                    property(e.service, "User"), use.path, use.what),
        fmt::format("runuser -u {0} -- ls -ld {1} shows more (namei -l {1}, where); "
                    "chmod o+x directories, or give them to {0}",
                    property(e.service, "User"), use.path)};
  }
  return {};
}

Found cannot_write(const Evidence& e) {
  for (const FileUse& use : e.uses) {
    if (!use.writes || (use.permitted && !use.read_only)) continue;
    if (use.permitted) {
      return Finding{
          fmt::format("{} is read-only for {} (ProtectSystem=): {} cannot be written",
                      use.path, e.service_name, use.what),
          fmt::format("systemctl edit {}: [Service] ReadWritePaths={}; then restart it",
                      e.service_name, use.path)};
    }
    return Finding{fmt::format("{} may not write {}, {}: Permission denied",
                               property(e.service, "User"), use.path, use.what),
                   fmt::format("chown {}:{} {}", property(e.service, "User"),
                               property(e.service, "Group"), use.path)};
  }
  return {};
}

constexpr Check kChecks[] = {
    {"user-unknown", Weight::error, "the service's user", user_unknown},
    {"user-cannot-read", Weight::error, "code that the user may read", cannot_read},
    {"user-cannot-write", Weight::error, "files that the user may write", cannot_write},
};

}  // namespace

bool is_read_only(const Properties& service, const std::string& path) {
  const std::string system = property(service, "ProtectSystem");
  const auto listed = [&](const char* key, const std::string& above) {
    const std::vector<std::string> all = words(property(service, key));
    return std::any_of(all.begin(), all.end(), [&](std::string word) {
      word.erase(0, std::min(word.find_first_not_of("-+"), word.size()));
      return is_below(path, above + word);
    });
  };
  if (listed("ReadOnlyPaths", "") || listed("InaccessiblePaths", "")) return true;
  const std::string home = property(service, "ProtectHome");
  const bool is_home = is_below(path, "/home") || is_below(path, "/root");
  if (is_home && !home.empty() && home != "no") return !listed("ReadWritePaths", "");
  if (system != "strict") {
    const bool usr = system == "yes" || system == "full";
    return (usr && (is_below(path, "/usr") || is_below(path, "/boot"))) ||
           (system == "full" && is_below(path, "/etc"));
  }
  for (const char* free : {"/dev", "/proc", "/sys"}) {
    if (is_below(path, free)) return false;
  }
  const bool tmp = is_below(path, "/tmp") || is_below(path, "/var/tmp");
  if (tmp && property(service, "PrivateTmp") == "yes") return false;
  return !listed("ReadWritePaths", "") && !listed("StateDirectory", "/var/lib/") &&
         !listed("CacheDirectory", "/var/cache/") &&
         !listed("LogsDirectory", "/var/log/") && !listed("RuntimeDirectory", "/run/");
}

bool is_known(const std::string& user, const std::string& group) {
  return (user.empty() || ::getpwnam(user.c_str()) != nullptr) &&
         (group.empty() || ::getgrnam(group.c_str()) != nullptr);
}

void look_at_files(Evidence& evidence) {
  const std::string user = property(evidence.service, "User");
  const bool someone = !user.empty() && user != "root" && evidence.user_known &&
                       property(evidence.service, "DynamicUser") != "yes";
  if (someone && evidence.settings && ::geteuid() == 0) Uses{evidence}.gather();
}

std::span<const Check> file_checks() {
  return kChecks;
}

}  // namespace monodon::cli
