// SPDX-License-Identifier: Apache-2.0
// Which of the sites of a machine this server is.
#include "master/site_name.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace monodon::master {

namespace {

std::string_view file_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

// cgroups(7): the last unit of the path is ours, above it may be the user's manager.
std::string_view unit_in(std::string_view cgroups) {
  constexpr std::string_view kService = ".service";
  const std::size_t end = cgroups.rfind(kService);
  if (end == std::string_view::npos) return {};
  std::string_view unit = file_name(cgroups.substr(0, end));
  if (unit.starts_with("monodon@")) unit.remove_prefix(8);
  return unit;
}

std::string_view stem_of_config(std::string_view path) {
  const std::string_view name = file_name(path);
  for (const std::string_view suffix : {".yaml", ".yml"})
    if (name.ends_with(suffix)) {
      const std::string_view stem = name.substr(0, name.size() - suffix.size());
      if (stem != "monodon" && stem != "gunicorn") return stem;
    }
  return {};
}

std::string_view short_application(std::string_view application) {
  const std::string_view module = application.substr(0, application.find(':'));
  const std::size_t wsgi = module.rfind(".wsgi");
  return wsgi != std::string_view::npos && wsgi + 5 == module.size()
             ? module.substr(0, wsgi)
             : module;
}

std::string variable_or_empty(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::string site_name(const SiteClues& clues) {
  if (!clues.name.empty()) return clues.name;
  const std::string_view all = clues.runtime_directory;
  const std::string_view directory = file_name(all.substr(0, all.find(':')));
  if (directory.starts_with("monodon-") && directory.size() > 8)
    return std::string{directory.substr(8)};
  if (const auto unit = unit_in(clues.cgroups); !unit.empty()) return std::string{unit};
  if (const auto stem = stem_of_config(clues.config_file); !stem.empty())
    return std::string{stem};
  return std::string{short_application(clues.application)};
}

std::string site_name(const LoadedConfig& config) {
  const worker::Settings& worker = config.settings.worker;
  // A name that nobody gave is the application's (master/config/load.cc).
  SiteClues clues{worker.name == worker.application ? std::string{} : worker.name,
                  worker.application,
                  config.config_file,
                  variable_or_empty("RUNTIME_DIRECTORY"),
                  {}};
  // Somebody's terminal is in a service as well; that one is not about us.
  if (variable_or_empty("SYSTEMD_EXEC_PID") == std::to_string(::getpid()) ||
      !variable_or_empty("NOTIFY_SOCKET").empty()) {
    std::ifstream file{"/proc/self/cgroup"};
    clues.cgroups.assign(std::istreambuf_iterator<char>{file}, {});
  }
  return site_name(clues);
}

}  // namespace monodon::master
