// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "cli/commands.h"
#include "cli/import.h"
#include "master/gunicorn_config.h"

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
    if (service.name.empty()) {
      say("monodon import: --unit needs the .service file to change");
      return kBadUsage;
    }
    UnitFile& unit = source.value().unit;
    for (std::string& change : rewrite_unit(unit, service.name, imported)) {
      imported.differences.push_back("unit: " + std::move(change));
    }
    text = unit.text();
  }
  std::fputs(text.c_str(), stdout);
  for (const std::string& difference : imported.differences) {
    say("differs: " + difference);
  }
  for (const std::string& problem : imported.problems) say("problem: " + problem);
  return imported.problems.empty() ? kGood : kBadConfiguration;
}

}  // namespace monodon::cli
