// SPDX-License-Identifier: Apache-2.0
// Which of the servers on this machine a command is about.
#include "cli/live/control_finder.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/files/runtime_directory.h"
#include "base/text/escape.h"
#include "base/text/nearest.h"
#include "master/config/load.h"

namespace monodon::cli {
namespace {

bool same_file(const std::string& a, const std::string& b) {
  struct stat of_a {};
  struct stat of_b {};
  return ::stat(a.c_str(), &of_a) == 0 && ::stat(b.c_str(), &of_b) == 0 &&
         of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

Error listed(std::string text, const std::vector<LiveSite>& sites) {
  for (const LiveSite& site : sites) {
    text += "\n  ";
    if (!site.name.empty()) {
      append_printable(text, site.name);
      text += "  (";
      append_printable(text, site.application);
      text += " in ";
      append_printable(text, site.directory);
      text += ")";
      if (site.pid != 0) text += fmt::format("  pid {}", site.pid);
      if (!site.addresses.empty()) {
        text += "  ";
        append_printable(text, site.addresses.front());
      }
    } else {
      append_printable(text, site.likely.empty() ? "?" : site.likely);
      text += "  (";
      append_printable(text, site.why);
      text += ")";
    }
    text += "  --control " + site.path;
  }
  return Error{std::move(text)};
}

master::ConfigResult load(const std::string& config_file) {
  master::CommandLine line;
  line.config_file = config_file;
  std::error_code removed;  // the directory, by a deploy: then there is no file, either
  line.start_directory = std::filesystem::current_path(removed);
  master::ConfigResult result = master::load_config(line);
  // The application may have been named on the command line of the server.
  if (result.config || result.problems.size() != 1 ||
      !result.problems[0].starts_with("application: "))
    return result;
  line.arguments.push_back({"application", {"named:elsewhere"}, "the server's"});
  return master::load_config(line);
}

std::vector<LiveSite> called(std::vector<LiveSite>& all, const std::string& word) {
  std::vector<LiveSite> found;
  // A name is worth more than an application, which several may run.
  const bool any_named = std::any_of(all.begin(), all.end(), [&](const LiveSite& site) {
    return is_called(site, word) && site.name == word;
  });
  for (LiveSite& site : all)
    if (is_called(site, word) && (!any_named || site.name == word))
      found.push_back(std::move(site));
  return found;
}

Result<Choice> find_by_name(const std::string& word) {
  auto all = introduce(control_sockets(false));
  auto found = called(all, word);
  if (found.empty()) {
    all = introduce(control_sockets(true));
    found = called(all, word);
  }
  if (found.size() == 1) return Choice{found.front().path, {}};
  if (found.size() > 1)
    return listed("several servers are called " + word +
                      "; choose one by its pid or port, or with --control:",
                  found);
  if (all.empty()) return no_server();
  std::vector<std::string_view> names;
  for (const LiveSite& site : all)
    names.emplace_back(site.name.empty() ? site.likely : site.name);
  std::string text = "no site that runs is called ";
  append_printable(text, word);
  if (const auto meant = nearest(word, names); !meant.empty()) {
    text += "; did you mean ";
    append_printable(text, meant);
    text += "?";
    return listed(text + " These run:", all);
  }
  return listed(text + "; these run:", all);
}

// The server that was started with this file.
Result<Choice> find_by_file(const std::string& file) {
  auto all = introduce(control_sockets(false));
  const auto others = std::stable_partition(
      all.begin(), all.end(),
      [&](const LiveSite& one) { return same_file(one.config, file); });
  const auto count = others - all.begin();
  if (count == 1) return Choice{all.front().path, {}};
  if (count > 1) {
    all.erase(others, all.end());
    return Choice{{}, std::move(all)};
  }
  if (all.empty()) return no_server();
  // One that does not say what it reads is of another version, or of somebody else.
  if (all.size() == 1 && all[0].application.empty()) return Choice{all[0].path, {}};
  return listed("no server that runs has read " + file + "; these run:", all);
}

bool is_choice(const Choice& choice) {
  return !choice.path.empty() || !choice.sites.empty();
}

// How many run in the directory; they are the first then.
std::ptrdiff_t count_in(const std::string& directory, std::vector<LiveSite>& all) {
  const auto end = std::stable_partition(
      all.begin(), all.end(),
      [&](const LiveSite& one) { return same_file(one.directory, directory); });
  return end - all.begin();
}

// For root: that of whoever develops in this directory, before its own somewhere else.
std::string others_server_here() {
  if (::geteuid() != 0) return {};
  auto own = introduce(control_sockets(false));
  if (count_in(".", own) != 0) return {};
  auto all = introduce(control_sockets(true));
  return count_in(".", all) == 1 ? all.front().path : "";
}

Result<Choice> find_by_directory() {
  if (std::string path = others_server_here(); !path.empty())
    return Choice{std::move(path), {}};
  const std::vector<std::string> paths = control_sockets(false);
  if (paths.empty()) return no_server();
  if (paths.size() == 1) return Choice{paths.front(), {}};
  auto all = introduce(paths);
  if (count_in(".", all) == 1) return Choice{all.front().path, {}};
  return Choice{{}, std::move(all)};
}

// A server does not use the directory that its file names where the command line says
// otherwise, as that of `monodon dev` does. Where nobody answers there, it is among
// those in the default places: the one that has read the file or, with `here`, that was
// started in this directory without one.
Choice answering_or_started(const std::string& socket, const std::string& file,
                            bool here) {
  if (is_answered(socket)) return {socket, {}};
  std::vector<LiveSite> all = introduce(control_sockets(false));
  std::erase_if(all, [&](const LiveSite& one) {
    const bool by_directory = here && one.config.empty() && !one.application.empty() &&
                              same_file(one.directory, ".");
    return !by_directory && !same_file(one.config, file);
  });
  if (all.empty()) return {socket, {}};
  if (all.size() == 1) return {all.front().path, {}};
  return {{}, std::move(all)};
}

// A site that is called by a path: its socket, its file, the directory it runs in.
Result<Choice> find_by_path(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) return last_error("SITE " + path);
  if (S_ISSOCK(about.st_mode)) return Choice{path, {}};
  if (!S_ISDIR(about.st_mode)) return find_by_file(path);
  auto all = introduce(control_sockets(false));
  if (all.empty()) return no_server();
  const auto there = count_in(path, all);
  if (there == 1) return Choice{all.front().path, {}};
  if (there == 0) return listed("no server runs in " + path + "; these run:", all);
  all.erase(all.begin() + there, all.end());
  return listed("several servers run in " + path +
                    "; choose one by its pid or port, or with --control:",
                all);
}

}  // namespace

Error no_server() {
  return Error{
      fmt::format("no server of this user answers: there is no control socket below "
                  "/run, $XDG_RUNTIME_DIR, /tmp/monodon-{} or ~/.cache/monodon, and "
                  "RUNTIME_DIRECTORY is not set; name it with --control, or the "
                  "configuration file with -c. "
                  "A server that found no place for one reloads on SIGHUP",
                  ::geteuid())};
}

Result<Choice> choose_server(const ControlOptions& options) {
  if (!options.control.empty()) return Choice{options.control, {}};
  if (options.site.find('/') != std::string::npos) return find_by_path(options.site);
  if (!options.site.empty()) return find_by_name(options.site);
  const bool given = !options.config_file.empty();
  const std::string file = given ? options.config_file : "monodon.yaml";
  const auto in_own_directory = [&]() -> Result<Choice> {
    const master::ConfigResult result = load(file);
    if (result.config) {
      const std::string& own = result.config->settings.runtime_directory;
      if (own.empty()) return Choice{};
      return answering_or_started(own + "/control.sock", file, !given);
    }
    std::string all = "the configuration names no control socket, it has problems";
    for (const std::string& problem : result.problems) all += "\n  " + problem;
    return Error{all};
  };
  if (given) {
    auto choice = in_own_directory();
    if (!choice || is_choice(choice.value())) return choice;
  }
  if (const char* const listed = ::getenv("RUNTIME_DIRECTORY");
      listed != nullptr && *listed != '\0') {
    const std::string_view all{listed};
    return Choice{std::string{all.substr(0, all.find(':'))} + "/control.sock", {}};
  }
  if (given) return find_by_file(file);
  if (::access(file.c_str(), F_OK) != 0) return find_by_directory();
  // It may be broken while the server runs on.
  auto own = in_own_directory();
  if (own && is_choice(own.value())) return own;
  std::error_code removed;
  auto found = find_by_file(std::filesystem::absolute(file, removed));
  // It may have been made since the server started in this directory without one.
  if (!found) {
    auto all = introduce(control_sockets(false));
    if (count_in(".", all) == 1 && all.front().config.empty())
      return Choice{all.front().path, {}};
  }
  // The file that is broken may be what names the socket.
  if (found || own) return found;
  return own;
}

Result<std::string> find_control_socket(const ControlOptions& options) {
  auto choice = choose_server(options);
  if (!choice) return choice.error();
  if (!choice.value().path.empty()) return choice.value().path;
  return listed(
      "several servers run; choose one by its name, pid or port, or with --control:",
      choice.value().sites);
}

}  // namespace monodon::cli
