// SPDX-License-Identifier: Apache-2.0
// Evidence from systemd: the units, running or in a tree.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/process/run_program.h"
#include "cli/doctor/gather.h"
#include "cli/flags/shell_words.h"

namespace monodon::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kPatience{10};
constexpr const char* kDirectories[] = {"/etc/systemd/system", "/run/systemd/system",
                                        "/usr/lib/systemd/system",
                                        "/lib/systemd/system"};

// "monodon@.service" and "shop" of "monodon@shop.service".
std::pair<std::string, std::string> template_of(const std::string& unit) {
  const std::size_t at = unit.find('@');
  const std::size_t dot = unit.rfind('.');
  if (at == std::string::npos || dot == std::string::npos || dot < at)
    return {unit, ""};
  return {unit.substr(0, at + 1) + unit.substr(dot), unit.substr(at + 1, dot - at - 1)};
}

std::string replaced(std::string text, std::string_view what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos;
       at += by.size()) {
    text.replace(at, what.size(), by);
  }
  return text;
}

// The unit of a tree with its drop-ins, "%i" replaced; nullopt: not there.
std::optional<UnitFile> load(const std::string& root, const std::string& unit) {
  const auto [file, instance] = template_of(unit);
  std::optional<UnitFile> found;
  for (const char* directory : kDirectories) {
    for (const std::string& name : {unit, file}) {
      const fs::path path = root + directory + "/" + name;
      if (found || !fs::exists(path)) continue;
      found.emplace(replaced(read_file(path), "%i", instance));
    }
  }
  if (!found) return found;
  for (const char* directory : kDirectories) {
    for (const std::string& name : std::set<std::string>{unit, file}) {
      std::error_code error;
      std::set<fs::path> drop_ins;
      for (const auto& entry :
           fs::directory_iterator{root + directory + "/" + name + ".d", error}) {
        if (entry.path().extension() == ".conf") drop_ins.insert(entry.path());
      }
      for (const fs::path& path : drop_ins) {
        found->append(UnitFile{replaced(read_file(path), "%i", instance)});
      }
    }
  }
  return found;
}

bool is_enabled(const std::string& root, const std::string& unit) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{root + kDirectories[0], error}) {
    if (entry.path().extension() != ".wants") continue;
    if (fs::is_symlink(fs::symlink_status(entry.path() / unit, error))) return true;
  }
  return false;
}

bool is_masked(const std::string& root, const std::string& unit) {
  std::error_code error;
  return fs::read_symlink(root + kDirectories[0] + "/" + unit, error) == "/dev/null";
}

bool runs_us(const std::string& exec_start) {
  const std::vector<std::string> words = exec_words(exec_start);
  return words.size() > 1 && words[1] == "serve" && words[0].ends_with("/monodon");
}

}  // namespace

Properties parse_show(std::string_view text) {
  Properties all;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    // Several of one name, as of Listen: one after the other.
    std::string& value = all[std::string{line.substr(0, equals)}];
    if (!value.empty()) value += ' ';
    value += line.substr(equals + 1);
  }
  return all;
}

Properties unit_properties(const UnitFile& unit, const std::string& name) {
  Properties all{{"Id", name}, {"LoadState", "loaded"}};
  const auto join = [&](const char* section, const char* key, const char* property) {
    std::string text;
    for (const std::string& word : unit.words(section, key)) {
      text += (text.empty() ? "" : " ") + word;
    }
    if (!text.empty()) all[property] = text;
  };
  const auto take = [&](const char* section, const char* key, const char* property) {
    const std::string text = unit.value(section, key);
    if (!text.empty()) all[property] = text;
  };
  for (const char* key : {"Requires", "After"}) join("Unit", key, key);
  for (const char* key :
       {"Type", "KillMode", "ExecStart", "User", "Group", "WorkingDirectory",
        "LimitNOFILE", "TasksMax", "OOMPolicy", "ExecReload", "DynamicUser"}) {
    take("Service", key, key);
  }
  for (const char* key : {"Sockets", "Environment"}) join("Service", key, key);
  take("Unit", "StartLimitIntervalSec", "StartLimitIntervalUSec");
  take("Unit", "StartLimitBurst", "StartLimitBurst");
  take("Service", "TimeoutStopSec", "TimeoutStopUSec");
  take("Service", "TimeoutStartSec", "TimeoutStartUSec");
  join("Service", "EnvironmentFile", "EnvironmentFiles");
  const bool socket = name.ends_with(".socket");
  join(socket ? "Socket" : "Service", "RuntimeDirectory", "RuntimeDirectory");
  if (!socket) return all;
  for (const char* key : {"SocketUser", "SocketGroup", "SocketMode", "Backlog",
                          "Accept", "DirectoryMode", "FileDescriptorName"}) {
    take("Socket", key, key);
  }
  join("Socket", "ListenStream", "Listen");
  take("Socket", "Service", "Triggers");
  if (property(all, "Triggers").empty()) {
    all["Triggers"] = name.substr(0, name.rfind('.')) + ".service";
  }
  return all;
}

std::vector<std::string> exec_words(const std::string& value) {
  std::string_view text = value;
  if (const std::size_t at = text.find("argv[]="); at != std::string_view::npos) {
    text.remove_prefix(at + 7);
    text = text.substr(0, text.find(" ; "));
  }
  const std::size_t begin = text.find_first_not_of("-@:+! ");
  if (begin == std::string_view::npos) return {};
  auto words = shell_words(text.substr(begin));
  return words ? std::move(words).value() : std::vector<std::string>{};
}

bool has_systemd() {
  return ::access("/run/systemd/system", F_OK) == 0;
}

std::vector<std::string> Units::systemctl(std::vector<std::string> words) const {
  if (user_) words.insert(words.begin(), "--user");
  words.insert(words.begin(), {"systemctl", "--no-pager"});
  return words;
}

Properties Units::show(const std::string& unit) const {
  if (root_.empty()) {
    const auto done = run_program(systemctl({"show", unit}), kPatience);
    return done ? parse_show(done.value().output) : Properties{};
  }
  if (is_masked(root_, unit)) return {{"Id", unit}, {"LoadState", "masked"}};
  const auto file = load(root_, unit);
  if (!file) return {{"Id", unit}, {"LoadState", "not-found"}};
  Properties all = unit_properties(*file, unit);
  all["UnitFileState"] = is_enabled(root_, unit) ? "enabled" : "disabled";
  if (!unit.ends_with(".service")) return all;
  // As systemd does by itself: a socket comes before what it starts.
  const std::string socket = unit.substr(0, unit.rfind('.')) + ".socket";
  if (load(root_, socket)) {
    all["TriggeredBy"] = socket;
    all["After"] += " " + socket;
  }
  return all;
}

std::vector<Properties> Units::all(const char* kind) const {
  std::vector<Properties> found;
  if (root_.empty()) {
    const auto done = run_program(
        systemctl({"show", "--all", "--property=Id,ExecStart,Listen,ActiveState",
                   std::string{"*"} + kind}),
        kPatience);
    std::string_view text = done ? done.value().output : std::string_view{};
    while (!text.empty()) {
      const std::size_t end = std::min(text.find("\n\n"), text.size());
      found.push_back(parse_show(text.substr(0, end)));
      text.remove_prefix(std::min(end + 2, text.size()));
    }
    return found;
  }
  for (const char* directory : kDirectories) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{root_ + directory, error}) {
      const std::string name = entry.path().filename();
      if (!name.ends_with(kind) || name.find("@.") != std::string::npos) continue;
      found.push_back(show(name));
    }
  }
  return found;
}

std::vector<std::string> Units::our_services() const {
  std::set<std::string> found;
  for (const Properties& unit : all(".service")) {
    if (runs_us(property(unit, "ExecStart"))) found.insert(property(unit, "Id"));
  }
  return {found.begin(), found.end()};
}

std::vector<std::string> Units::sockets_on(const std::string& path) const {
  std::set<std::string> found;
  if (path.empty()) return {};
  for (const Properties& unit : all(".socket")) {
    const std::string state = property(unit, "ActiveState");
    if (!state.empty() && state != "active") continue;
    if (has_word(property(unit, "Listen"), path)) found.insert(property(unit, "Id"));
  }
  return {found.begin(), found.end()};
}

}  // namespace monodon::cli
