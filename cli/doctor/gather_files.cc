// SPDX-License-Identifier: Apache-2.0
// Evidence from files: what the service's user can read and write, and where there is
// room.
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/process/run_program.h"
#include "cli/doctor/gather.h"
#include "cli/flags/shell_words.h"
#include "master/config/interpreter.h"

namespace monodon::cli {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> words(const std::string& text) {
  auto split = shell_words(text);
  return split ? std::move(split).value() : std::vector<std::string>{};
}

bool is_below(const std::string& path, const std::string& directory) {
  return path == directory || directory == "/" || path.starts_with(directory + "/");
}

// Whom the service runs as, in words of setpriv(1).
struct ServiceUser {
  std::vector<std::string> words;  // empty: root, or nobody of this machine
  bool dynamic = false;
};

ServiceUser service_user(const Evidence& e) {
  if (property(e.service, "DynamicUser") == "yes")
    // The first of those numbers (systemd.exec(5), DynamicUser=): as good as any other.
    return {{"--reuid=61184", "--regid=61184", "--clear-groups"}, true};
  std::string user = property(e.service, "User");
  if (user.empty() && e.settings) user = e.settings->user;
  const passwd* const entry = user.empty() ? nullptr : ::getpwnam(user.c_str());
  if (entry == nullptr || entry->pw_uid == 0) return {};
  return {{fmt::format("--reuid={}", entry->pw_uid),
           fmt::format("--regid={}", entry->pw_gid), "--init-groups"},
          false};
}

// As the user, so that groups and access lists count: test(1).
bool may(const ServiceUser& user, const char* what, const std::string& path) {
  std::vector<std::string> words{"setpriv"};
  words.insert(words.end(), user.words.begin(), user.words.end());
  words.insert(words.end(), {"test", what, path});
  const auto done = run_program(words, std::chrono::seconds{10});
  return !done || done.value().status == 0;
}

class Uses {
 public:
  Uses(Evidence& e, ServiceUser user) : e_{e}, user_{std::move(user)} {}

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
    look_for_spool(settings);
    if (!e_.facts) return;
    for (const std::string& file : e_.facts->sqlite) {
      // Its journal is made beside it: without the directory the file is of no use.
      writes("the database's directory", fs::path{file}.parent_path());
      writes_file("the database", file);
    }
    if (fs::exists(e_.facts->media_root)) writes("MEDIA_ROOT", e_.facts->media_root);
  }

 private:
  void reads(const std::string& what, const std::string& path, const char* how) {
    if (may(user_, how, path))
      return e_.uses.push_back({what, path, false, true, false});
    // The first that stops the user; behind it nothing can be looked at.
    for (std::size_t at = path.find('/', 1); at != std::string::npos;
         at = path.find('/', at + 1)) {
      const std::string above = path.substr(0, at);
      if (may(user_, "-x", above)) continue;
      return e_.uses.push_back({fmt::format("on the way to {}, {}", what, path), above,
                                false, false, false});
    }
    e_.uses.push_back({what, path, false, false, false});
  }

  void writes_file(const std::string& what, const std::string& file) {
    if (!file.starts_with('/')) return;
    // One that is not there yet is made.
    writes(what, fs::exists(file) ? file : fs::path{file}.parent_path().string());
  }

  bool permitted(const std::string& path) const {
    return (user_.dynamic && is_given(e_.service, path)) || may(user_, "-w", path);
  }

  void writes(const std::string& what, const std::string& path) {
    if (!path.starts_with('/')) return;
    e_.uses.push_back(
        {what, path, true, permitted(path), is_read_only(e_.service, path)});
  }

  // The places of master/config/spool_choice.h, as the unit lets the service see them.
  void look_for_spool(const worker::Settings& settings) {
    SpoolSight sight;
    std::vector<std::string> places{settings.spool_directory};
    constexpr std::string_view kName = "TMPDIR=";
    for (const std::string& one : settings.environment)
      if (one.starts_with(kName)) places.push_back(one.substr(kName.size()));
    for (const std::string& one : words(property(e_.service, "Environment")))
      if (one.starts_with(kName)) places.push_back(one.substr(kName.size()));
    places.insert(places.end(), {"/var/tmp", "/tmp"});
    for (const std::string& place : places) {
      if (!place.starts_with('/')) continue;
      if (!is_read_only(e_.service, place) && permitted(place)) {
        sight.used = place;
        break;
      }
      sight.refused.push_back(place);
    }
    e_.spool = std::move(sight);
  }

  Evidence& e_;
  ServiceUser user_;
};

void look_for_room(Evidence& e) {
  constexpr std::uint64_t kLittle = 1 << 20;
  std::vector<std::pair<std::string, std::string>> places;
  const worker::Settings& settings = e.settings->worker;
  for (const auto& [what, file] :
       {std::pair<const char*, std::string>{"error_log", settings.error_log},
        {"access_log", settings.access_log}})
    if (file.starts_with('/')) places.emplace_back(what, fs::path{file}.parent_path());
  if (e.spool && !e.spool->used.empty()) places.emplace_back("uploads", e.spool->used);
  if (e.facts)
    for (const std::string& file : e.facts->sqlite)
      places.emplace_back("the database", fs::path{file}.parent_path());
  for (const auto& [what, path] : places) {
    struct statvfs room {};
    if (::statvfs(path.c_str(), &room) != 0 || room.f_blocks == 0) continue;
    const bool no_bytes = room.f_bavail * room.f_frsize < kLittle;
    const bool no_inodes = room.f_files != 0 && room.f_favail == 0;
    if (no_bytes || no_inodes) e.full.push_back({what, path, !no_bytes});
  }
}

}  // namespace

bool is_given(const Properties& service, const std::string& path) {
  for (const auto& [key, above] :
       {std::pair<const char*, std::string>{"StateDirectory", "/var/lib/"},
        {"CacheDirectory", "/var/cache/"},
        {"LogsDirectory", "/var/log/"},
        {"RuntimeDirectory", "/run/"}})
    for (const std::string& name : words(property(service, key)))
      if (is_below(path, above + name) || is_below(path, above + "private/" + name))
        return true;
  return false;
}

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
  return !listed("ReadWritePaths", "") && !is_given(service, path);
}

bool is_known(const std::string& user, const std::string& group) {
  return (user.empty() || ::getpwnam(user.c_str()) != nullptr) &&
         (group.empty() || ::getgrnam(group.c_str()) != nullptr);
}

void look_at_files(Evidence& evidence) {
  if (!evidence.settings) return;
  ServiceUser user = service_user(evidence);
  if (!user.words.empty() && evidence.user_known && ::geteuid() == 0)
    Uses{evidence, std::move(user)}.gather();
  look_for_room(evidence);
}

}  // namespace monodon::cli
