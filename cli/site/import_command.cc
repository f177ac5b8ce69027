// SPDX-License-Identifier: Apache-2.0
// monodon import: prints the settings or the unit that replace Gunicorn's.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "cli/site/commands.h"
#include "cli/site/import.h"
#include "cli/site/import_unit.h"
#include "cli/site/site_defaults.h"
#include "cli/site/site_files.h"
#include "master/config/gunicorn_file.h"

namespace monodon::cli {
namespace {

void say(const std::string& text) {
  std::fputs((text + "\n").c_str(), stderr);
}

struct Source {
  GunicornService service;
  UnitFile unit{""};
};

Result<Source> read_unit(const std::string& path) {
  std::ifstream file{path};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  if (!file) return Error{"read " + path, ENOENT};
  UnitFile unit{text};
  auto service = read_gunicorn_unit(unit, std::filesystem::path{path}.stem().string());
  if (!service) return service.error();
  return Source{std::move(service).value(), std::move(unit)};
}

Result<Source> read_source(const ImportOptions& options) {
  const std::vector<std::string>& words = options.what;
  if (words.size() == 1 && words[0].ends_with(".service")) return read_unit(words[0]);
  Source source;
  if (words.size() == 1 && master::is_gunicorn_config(words[0])) {
    source.service.flags = {"--config", words[0]};
  } else {
    // A command line, with the program or without.
    const bool program = words[0].find("gunicorn") != std::string::npos;
    source.service.flags.assign(words.begin() + (program ? 1 : 0), words.end());
  }
  return source;
}

std::string changed_unit(UnitFile& unit, const GunicornService& service,
                         Imported& imported) {
  for (std::string& change : rewrite_unit(unit, service.name, imported)) {
    imported.differences.push_back("unit: " + std::move(change));
  }
  return unit.text();
}

// Where there was no unit: that of `monodon init` for a site in the directory.
std::string new_unit(const GunicornService& service, Imported& imported) {
  Site site;
  site.directory = service.directory;
  site.application = imported.application;
  site.python = service.python;
  for (const std::string& bind : imported.bind) {
    if (bind.starts_with("unix:/")) site.socket = bind.substr(5);
  }
  if (imported.access_log.starts_with('/')) site.access_log = imported.access_log;
  if (imported.error_log.starts_with('/')) site.error_log = imported.error_log;
  complete_site(site);
  for (std::string& problem : check_site(site)) {
    imported.problems.push_back(std::move(problem));
  }
  imported.differences.push_back(
      fmt::format("unit: it is for {0}.service, with the settings above in "
                  "/etc/monodon/{0}.yaml, and needs {0}.socket: monodon init {0} "
                  "--socket {1} writes that and the rest",
                  site.name, site.socket));
  for (SiteFile& file : site_files(site)) {
    if (!file.name.ends_with(".service")) continue;
    UnitFile unit{file.text};
    const std::uint64_t least = imported.graceful_timeout / 1000 + 15;
    if (least > 45) unit.set("Service", "TimeoutStopSec", std::to_string(least));
    return unit.text();
  }
  return {};
}

}  // namespace

int run_import(const ImportOptions& options) {
  auto source = read_source(options);
  if (!source) {
    say("monodon import: " + source.error().message());
    return kBadConfiguration;
  }
  GunicornService& service = source.value().service;
  if (!options.directory.empty()) {
    service.directory = std::filesystem::absolute(options.directory);
  } else if (service.directory.empty()) {
    service.directory = std::filesystem::current_path();
  }
  if (!options.python.empty()) service.python = options.python;
  Imported imported = import_service(service);
  std::string text = imported.yaml;
  if (options.unit) {
    text = service.name.empty() ? new_unit(service, imported)
                                : changed_unit(source.value().unit, service, imported);
  }
  std::fputs(text.c_str(), stdout);
  for (const std::string& difference : imported.differences) {
    say("differs: " + difference);
  }
  for (const std::string& problem : imported.problems) say("problem: " + problem);
  return imported.problems.empty() ? kGood : kBadConfiguration;
}

}  // namespace monodon::cli
