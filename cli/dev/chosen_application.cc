// SPDX-License-Identifier: Apache-2.0
// What `monodon dev` serves where less is said than a server needs to know.
#include "cli/dev/chosen_application.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "base/text/say.h"
#include "cli/dev/dev_settings.h"
#include "cli/dev/found_applications.h"
#include "master/config/interpreter.h"

namespace monodon::cli {
namespace {

// Everything but the application, as the file and the flags have it.
Result<master::Settings> settings_without_application(master::CommandLine line) {
  line.arguments.push_back({"application", {"unknown:application"}, "monodon dev"});
  const master::ConfigResult result = master::load_config(line);
  if (!result.config) return Error{result.problems.front()};
  return result.config->settings;
}

// As it was written on the command line; "" where it was not.
std::string named_in(const master::CommandLine& line) {
  std::string named;
  for (const auto& given : line.arguments)
    if (given.key == "application") named = given.values.back();
  return named;
}

constexpr const char* kSrc = "src/";  // of a project that keeps its packages there

// The file that somebody means, below `directory`: "./pkg/app.py:app" -> "pkg/app.py";
// "pkg.app" and "src/pkg", where such a file is there. "": none.
std::string file_meant(const std::string& named, const std::string& directory) {
  std::filesystem::path path{named.substr(0, named.find(':'))};
  if (path.is_absolute()) path = path.lexically_relative(directory);
  path = path.lexically_normal();
  if (path.extension() == ".py") return path.string();
  if (named.empty()) return {};
  std::string module = path.string();
  if (module.find('/') == std::string::npos) std::ranges::replace(module, '.', '/');
  const bool whole = named.find(':') != std::string::npos;  // but for where it is
  for (const char* const place : {"", kSrc})
    for (const char* const end : {".py", "/__init__.py"})
      if (::access((directory + "/" + place + module + end).c_str(), F_OK) == 0)
        return whole && *place == '\0' ? "" : place + module + end;
  return {};
}

bool names_a_file(const std::string& named) {
  const std::string place = named.substr(0, named.find(':'));
  return place.ends_with(".py") || place.find('/') != std::string::npos;
}

// The application in that file: as it was named, or the likeliest there.
Result<std::string> application_of_file(const std::string& named,
                                        const std::string& file,
                                        const std::string& directory,
                                        const FoundSite& site) {
  if (::access((directory + "/" + file).c_str(), F_OK) != 0)
    return last_error((directory + "/").append(file));
  const std::size_t colon = named.find(':');
  if (colon != std::string::npos) return site.module + named.substr(colon);
  if (site.applications.empty())
    return Error{fmt::format(
        "no application was found in {}; name it: monodon dev {}:NAME", file, named)};
  return site.applications.front().application;
}

void search_in(master::CommandLine& line, const master::Settings& settings,
               const std::string& root, const std::string& source) {
  if (root.empty()) return;
  std::vector<std::string> paths = settings.worker.python_path;
  paths.push_back(root);
  line.arguments.push_back({"python_path", paths, source});
}

}  // namespace

void enter_named_place(master::CommandLine& line) {
  namespace fs = std::filesystem;
  const std::string named = named_in(line);
  const std::string word = named.substr(0, named.find(':'));
  const fs::path start{line.start_directory};
  fs::path path = (start / word).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();  // "site/", "."
  std::error_code none;
  const bool is_directory = fs::is_directory(path, none);
  if (word.empty() || is_set(line, "directory") || !fs::exists(path, none) ||
      (is_directory && word != named) || fs::exists(path.string() + ".py", none))
    return;
  fs::path root = is_directory ? path : path.parent_path();
  while (fs::exists(root / "__init__.py", none)) root = root.parent_path();
  // A project is entered: its settings, and what it imports, are found from there.
  const bool project = fs::exists(root / "manage.py", none);
  const bool whole =
      path.filename() == "manage.py" || (is_directory && (root == path || project));
  if (!whole && (!project || root == start)) return;
  if (root != start) line.arguments.push_back({"directory", {root.string()}, word});
  if (whole)
    std::erase_if(line.arguments,
                  [](const auto& given) { return given.key == "application"; });
  for (auto& given : line.arguments)
    if (given.key == "application")
      given.values = {path.lexically_relative(root).string() +
                      named.substr(word.size())};
}

bool lacks_application_only(const master::ConfigResult& result,
                            const master::CommandLine& line) {
  const std::string named = named_in(line);
  return (named.empty() || names_a_file(named)) && !result.config &&
         result.problems.size() == 1 && result.problems[0].starts_with("application: ");
}

bool names_no_callable(const master::ConfigResult& result,
                       const master::CommandLine& line) {
  const std::string named = named_in(line);
  return result.config &&
         !file_meant(named, result.config->settings.worker.directory).empty();
}

Outcome choose_application(master::CommandLine& line) {
  const auto known = settings_without_application(line);
  if (!known) return known.error();
  const master::Settings& settings = known.value();
  const std::string& directory = settings.worker.directory;
  const std::string& interface = settings.worker.interface;
  const auto interpreter = master::find_interpreter(settings.python, directory);
  if (!interpreter) return interpreter.error();
  const std::string named = named_in(line);
  const std::string file = file_meant(named, directory);
  if (file.empty() && !named.empty())
    return Error{fmt::format("{} is no file and no package in {}", named, directory)};
  const auto found =
      find_applications(interpreter.value().path, directory, interface, file);
  if (!found) return found.error();
  const std::vector<FoundApplication>& all = found.value().applications;
  if (!file.empty()) {
    if (!names_a_file(named) && all.empty()) return ok();  // its import will tell
    const auto meant = application_of_file(named, file, directory, found.value());
    if (!meant) return meant.error();
    if (interface != "asgi" && !all.empty() && all.front().asgi)
      return Error{nothing_found(found.value(), directory, interface)};
    line.arguments.push_back({"application", {meant.value()}, file});
    if (names_a_file(named) || file.starts_with(kSrc))
      search_in(line, settings, found.value().root, file);
    return ok();
  }
  if (all.empty() || all.front().asgi != (interface == "asgi"))
    return Error{nothing_found(found.value(), directory, interface)};
  put_below(line, {{"application", {all.front().application}, all.front().file}});
  search_in(line, settings, all.front().root, all.front().file);
  if (const std::string others = others_beside(all); !others.empty())
    say(fmt::format("{} of {}; {}", all.front().application, all.front().file, others));
  return ok();
}

std::string take_django_settings(const master::LoadedConfig& config, bool& changed) {
  constexpr const char* kVariable = "DJANGO_SETTINGS_MODULE";
  const master::Settings& s = config.settings;
  const std::string& directory = s.worker.directory;
  if (::access((directory + "/manage.py").c_str(), F_OK) != 0) return {};
  const auto interpreter = master::find_interpreter(s.python, directory);
  if (!interpreter) return {};
  const auto site =
      find_applications(interpreter.value().path, directory, s.worker.interface);
  if (!site || site.value().settings.empty()) return {};
  std::string module;
  std::string source;
  const std::string assignment = fmt::format("{}=", kVariable);
  if (const char* const value = ::getenv(kVariable); value != nullptr && *value != 0) {
    module = value;
    source = "the environment";
  }
  for (const std::string& entry : s.worker.environment) {
    if (!entry.starts_with(assignment)) continue;
    module = entry.substr(assignment.size());
    source = "the setting environment";
  }
  if (module.empty()) {
    module = site.value().settings;
    source = "manage.py";
    changed = ::setenv(kVariable, module.c_str(), 1) == 0;
  }
  return fmt::format("{} is {}, from {}", kVariable, module, source);
}

}  // namespace monodon::cli
