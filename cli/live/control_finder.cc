// SPDX-License-Identifier: Apache-2.0
// Which of the servers on this machine a command is about.
#include "cli/live/control_finder.h"

#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/escape.h"
#include "base/runtime_directory.h"
#include "cli/live/control_client.h"
#include "master/config/load.h"

namespace monodon::cli {
namespace {

constexpr std::chrono::milliseconds kPatience{1000};  // with one that may hang

// A server, and who it says it is: "" where it does not answer us.
struct Candidate {
  std::string path;
  std::string application;
  std::string directory;
  std::string config;
};

std::vector<std::string> sockets_below_run() {
  std::vector<std::string> found;
  glob_t matches{};
  (void)::glob("/run/monodon*/control.sock", 0, nullptr, &matches);
  (void)::glob("/run/monodon*/*/control.sock", GLOB_APPEND, nullptr, &matches);
  for (std::size_t i = 0; i < matches.gl_pathc; ++i) {
    const std::string path = matches.gl_pathv[i];
    // monodon-control@SITE.socket leads to the same server as the service's own.
    std::string own = path;
    if (own.starts_with("/run/monodon/")) own[12] = '-';
    if (own != path && std::find(found.begin(), found.end(), own) != found.end())
      continue;
    found.push_back(path);
  }
  ::globfree(&matches);
  return found;
}

std::vector<std::string> all_sockets() {
  std::vector<std::string> all = sockets_below_run();
  for (std::string& path : answering_control_sockets()) all.push_back(std::move(path));
  return all;
}

Candidate introduce(const std::string& path) {
  Candidate candidate{path, {}, {}, {}};
  const auto answer = ask(path, R"({"op":"status"})", kPatience);
  if (!answer) return candidate;
  const auto json = nlohmann::json::parse(answer.value().line, nullptr, false);
  const auto text = [&](const char* key) {
    const auto found = json.is_object() ? json.find(key) : json.end();
    return found != json.end() && found->is_string() ? found->get<std::string>() : "";
  };
  candidate.application = text("application");
  candidate.directory = text("directory");
  candidate.config = text("config");
  return candidate;
}

std::vector<Candidate> introduce_all(const std::vector<std::string>& paths) {
  std::vector<Candidate> all;
  for (const std::string& path : paths) all.push_back(introduce(path));
  return all;
}

bool same_file(const std::string& a, const std::string& b) {
  struct stat of_a {};
  struct stat of_b {};
  return ::stat(a.c_str(), &of_a) == 0 && ::stat(b.c_str(), &of_b) == 0 &&
         of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

Error listed(std::string text, const std::vector<Candidate>& candidates) {
  for (const Candidate& one : candidates) {
    text += "\n  " + one.path;
    if (one.application.empty()) continue;
    text += "  ";
    append_printable(text, one.application);
    text += " in ";
    append_printable(text, one.directory);
  }
  return Error{std::move(text)};
}

Error nobody() {
  return Error{
      "no server of this user answers: there is no control socket below /run/monodon*, "
      "$XDG_RUNTIME_DIR or /tmp/monodon-" +
      std::to_string(::geteuid()) +
      ", and RUNTIME_DIRECTORY is not set; name it with --control, or the "
      "configuration file with -c. A server that found no place for one reloads on "
      "SIGHUP"};
}

master::ConfigResult load(const std::string& config_file) {
  master::CommandLine line;
  line.config_file = config_file;
  line.start_directory = std::filesystem::current_path();
  master::ConfigResult result = master::load_config(line);
  // The application may have been named on the command line of the server.
  if (result.config || result.problems.size() != 1 ||
      !result.problems[0].starts_with("application: "))
    return result;
  line.arguments.push_back({"application", {"named:elsewhere"}, "the server's"});
  return master::load_config(line);
}

// The server that was started with this file.
Result<std::string> find_by_file(const std::string& file) {
  const auto all = introduce_all(all_sockets());
  for (const Candidate& one : all)
    if (same_file(one.config, file)) return one.path;
  if (all.empty()) return nobody();
  // One that does not say what it reads is of another version, or of somebody else.
  if (all.size() == 1 && all[0].application.empty()) return all[0].path;
  std::string text =
      "no server that runs has read " + file + "; choose one with --control:";
  return listed(std::move(text), all);
}

Result<std::string> find_by_directory() {
  const std::vector<std::string> paths = all_sockets();
  if (paths.empty()) return nobody();
  if (paths.size() == 1) return paths.front();
  const auto all = introduce_all(paths);
  std::vector<Candidate> here;
  for (const Candidate& one : all)
    if (same_file(one.directory, ".")) here.push_back(one);
  if (here.size() == 1) return here.front().path;
  return listed("several servers run; choose one with --control:",
                here.empty() ? all : here);
}

}  // namespace

Result<std::string> find_control_socket(const ControlOptions& options) {
  if (!options.control.empty()) return options.control;
  const bool given = !options.config_file.empty();
  const std::string file = given ? options.config_file : "monodon.yaml";
  const auto in_own_directory = [&]() -> Result<std::string> {
    const master::ConfigResult result = load(file);
    if (result.config) {
      const std::string& own = result.config->settings.runtime_directory;
      return own.empty() ? own : own + "/control.sock";
    }
    std::string all = "the configuration names no control socket, it has problems";
    for (const std::string& problem : result.problems) all += "\n  " + problem;
    return Error{all};
  };
  if (given) {
    auto path = in_own_directory();
    if (!path || !path.value().empty()) return path;
  }
  if (const char* const listed = ::getenv("RUNTIME_DIRECTORY");
      listed != nullptr && *listed != '\0') {
    const std::string_view all{listed};
    return std::string{all.substr(0, all.find(':'))} + "/control.sock";
  }
  if (given) return find_by_file(file);
  if (::access(file.c_str(), F_OK) != 0) return find_by_directory();
  // It may be broken while the server runs on.
  if (auto path = in_own_directory(); path && !path.value().empty()) return path;
  return find_by_file(std::filesystem::absolute(file));
}

}  // namespace monodon::cli
