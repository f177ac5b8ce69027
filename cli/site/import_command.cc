// SPDX-License-Identifier: Apache-2.0
// monodon import: prints the settings or the unit that replace Gunicorn's.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>

#include "base/text/say.h"
#include "cli/flags/shell_words.h"
#include "cli/site/commands.h"
#include "cli/site/compose_file.h"
#include "cli/site/gunicorn_line.h"
#include "cli/site/import.h"
#include "cli/site/import_unit.h"
#include "cli/site/process_files.h"
#include "cli/site/site_defaults.h"
#include "cli/site/site_files.h"
#include "cli/site/site_texts.h"
#include "cli/site/systemd_line.h"
#include "cli/site/uwsgi.h"
#include "master/config/gunicorn_file.h"

namespace monodon::cli {
namespace {

namespace fs = std::filesystem;

struct Source {
  GunicornService service;
  UnitFile unit{""};
};

// "site@.service" of "site@shop.service", where that is all there is.
std::string template_of(const fs::path& path) {
  const std::string name = path.filename();
  const std::size_t at = name.find('@');
  if (fs::exists(path) || at == std::string::npos) return path;
  return path.parent_path() / (name.substr(0, at + 1) + ".service");
}

// Drop-ins of the template and of the instance, where systemctl edit writes them, too.
void add_drop_ins(const fs::path& path, const std::string& file, Source& source) {
  std::map<std::string, fs::path> by_name;
  for (const fs::path& place : {path.parent_path(), fs::path{"/run/systemd/system"},
                                fs::path{"/etc/systemd/system"}}) {
    const bool ours = place == path.parent_path();
    const bool systems = path.string().find("/systemd/system/") != std::string::npos;
    if (!ours && !systems) continue;
    for (const std::string& name :
         {fs::path{file}.filename().string(), path.filename().string()}) {
      std::error_code error;
      for (const auto& entry : fs::directory_iterator{place / (name + ".d"), error}) {
        if (entry.path().extension() == ".conf")
          by_name[entry.path().filename()] = entry.path();
      }
    }
  }
  for (const auto& [name, drop_in] : by_name) {
    const auto text = read_text(drop_in);
    if (!text) continue;
    source.unit.append(UnitFile{text.value()});
    source.service.told.push_back(fmt::format(
        "{}: is part of this unit, and of what is printed here", drop_in.string()));
  }
}

Result<Source> read_unit(const fs::path& path) {
  const std::string file = template_of(path);
  auto text = read_text(file);
  if (!text) return text.error();
  Source source;
  source.unit = UnitFile{text.value()};
  add_drop_ins(path, file, source);
  const UnitName name{path.filename(), {}};
  std::vector<std::string> environment;
  for (const std::string& value : source.unit.values("Service", "EnvironmentFile")) {
    std::vector<std::string> unknown;
    std::string from = without_specifiers(value, name, unknown);
    const bool optional = from.starts_with('-');
    if (optional) from.erase(0, 1);
    auto variables = read_text(from);
    if (variables) {
      environment.push_back(std::move(variables).value());
    } else if (!optional) {
      source.service.told.push_back(fmt::format(
          "EnvironmentFile={}: cannot be read here, so what it sets is not known",
          from));
    }
  }
  const std::string directory = source.unit.value("Service", "WorkingDirectory");
  auto service = read_gunicorn_unit(
      source.unit, path.filename(), environment,
      [&](const std::string& script) { return script_text(directory, script); });
  if (!service) return service.error();
  service.value().told.insert(service.value().told.begin(), source.service.told.begin(),
                              source.service.told.end());
  source.service = std::move(service).value();
  return source;
}

// "start.sh", or what begins with "#!/bin/bash".
bool is_script(const std::string& name) {
  const std::string text = script_text({}, name);
  const std::string first = text.substr(0, text.find('\n'));
  return !text.empty() &&
         (name.ends_with(".sh") || (first.starts_with("#!") && first.ends_with("sh")));
}

// By its name, or by what stands in it: "local.yml", "production.yml".
bool is_compose(const fs::path& path) {
  const std::string name = path.filename();
  if (!name.ends_with(".yml") && !name.ends_with(".yaml")) return false;
  if (name.find("compose") != std::string::npos) return true;
  const auto text = read_text(path);
  return text && ("\n" + text.value()).find("\nservices:") != std::string::npos;
}

bool is_dockerfile(const std::string& name) {
  return name.find("ockerfile") != std::string::npos ||
         name.find("ontainerfile") != std::string::npos;
}

// A file of processes, by its name.
Result<GunicornService> read_processes(const fs::path& path,
                                       const std::string& wanted) {
  const auto text = read_text(path);
  if (!text) return text.error();
  const std::string name = path.filename();
  const std::string directory = fs::absolute(path).parent_path();
  const ReadScript beside = [&](const std::string& file) {
    return script_text(directory, file);
  };
  const ReadScript inside = [&](const std::string& file) {
    return script_of_container(directory, file);
  };
  if (name.starts_with("Procfile"))
    return read_procfile(text.value(), name, wanted, beside);
  if (is_compose(path)) return read_compose(text.value(), name, wanted, beside, inside);
  if (is_dockerfile(name)) return read_dockerfile(text.value(), name, inside);
  return read_supervisord(text.value(), name, directory, wanted, beside);
}

// "site.ini", "site.ini:prod": of uWSGI's, where it has such a section.
bool is_uwsgi_ini(const std::string& what) {
  const UwsgiPlace place = uwsgi_place(what);
  if (!place.path.ends_with(".ini")) return false;
  const std::string section = place.section.empty() ? "uwsgi" : place.section;
  return text_or_nothing(place.path).find("[" + section + "]") != std::string::npos;
}

Result<GunicornService> read_ini(const std::string& what) {
  const UwsgiPlace place = uwsgi_place(what);
  const auto text = read_text(place.path);
  if (!text) return text.error();
  const fs::path path{place.path};
  return read_uwsgi_ini(
      {text.value(), path.filename(), fs::absolute(path).parent_path(), place.section},
      text_or_nothing);
}

bool is_process_file(const fs::path& path) {
  const std::string name = path.filename();
  if (name.starts_with("Procfile") || is_dockerfile(name) || is_compose(path))
    return true;
  if (!name.ends_with(".conf") && !name.ends_with(".ini")) return false;
  const auto text = read_text(path);
  return text && text.value().find("[program:") != std::string::npos;
}

// What uWSGI makes of its words, with what is known of the service around it.
Result<GunicornService> read_uwsgi(GunicornService around) {
  const auto emperor =
      std::find_if(around.uwsgi.begin(), around.uwsgi.end(),
                   [](const std::string& w) { return w.starts_with("--emperor"); });
  if (emperor != around.uwsgi.end())
    return Error{*emperor + ": each of its files is a service: import them one by one"};
  const UwsgiPlace place = ini_of_uwsgi(around.uwsgi);
  fs::path file = place.path;
  // That of a container may be no directory of this machine.
  if (file.is_relative() && !file.empty() && fs::exists(around.directory))
    file = fs::path{around.directory} / file;
  Result<std::string> ini = std::string{};
  if (!file.empty()) ini = read_text(file);
  if (!ini) return ini.error();
  auto read = read_uwsgi_line(
      around.uwsgi,
      {ini.value(), file.filename(),
       file.empty() ? "" : fs::absolute(file).parent_path(), place.section},
      text_or_nothing);
  if (!read) return read;
  GunicornService& service = read.value();
  around.flags = std::move(service.flags);
  // Where the unit has that directory anyway, it need not be said.
  if (!service.directory.empty() && around.directory == service.directory)
    std::erase(around.flags, "--chdir=" + service.directory);
  if (!service.directory.empty()) around.directory = service.directory;
  if (!service.python.empty()) around.python = service.python;
  around.told.insert(around.told.end(), service.told.begin(), service.told.end());
  return around;
}

// A command line, in many words or in one, as it stands in a unit or a chat; with the
// program or without.
Result<GunicornService> read_words(std::vector<std::string> words) {
  const bool whole = words.size() == 1 && words[0].find(' ') != std::string::npos;
  // Behind "sh", too: what is found beside a script is found wherever it changes to.
  for (std::size_t i = 0; i < std::min<std::size_t>(words.size(), 2); ++i)
    if (!whole && is_script(words[i]))
      words[i] = fs::absolute(words[i]).lexically_normal();
  auto service = read_gunicorn_line(
      whole ? std::vector<std::string>{"sh", "-c", words[0]} : words,
      "the command line",
      [](const std::string& script) { return script_text({}, script); });
  if (service) {
    // What a script names is seen from where it is read.
    GunicornService& read = service.value();
    for (std::string* const path : {&read.directory, &read.changed_to, &read.python})
      if (path->find('/') != std::string::npos || path != &read.python)
        if (!path->empty() && path->front() != '/' && path->front() != '$')
          *path = fs::absolute(*path).lexically_normal();
    return service;
  }
  if (auto split = shell_words(words[0]); whole && split)
    words = std::move(split).value();
  if (!words[0].starts_with('-') && words[0].find(':') == std::string::npos)
    return service;
  GunicornService flags;
  flags.flags = std::move(words);
  return flags;
}

Result<Source> read_source(const ImportOptions& options) {
  std::vector<std::string> words = options.what;
  Source source;
  if (words.size() == 1 && words[0].ends_with(".service")) {
    auto unit = read_unit(words[0]);
    if (!unit) return unit;
    source = std::move(unit).value();
    if (source.service.uwsgi.empty()) return source;
    auto service = read_uwsgi(std::move(source.service));
    if (!service) return service.error();
    source.service = std::move(service).value();
    return source;
  }
  Result<GunicornService> service = source.service;
  if (words.size() == 1 && is_uwsgi_ini(words[0])) {
    service = read_ini(words[0]);
  } else if (words.size() == 1 && is_process_file(words[0])) {
    service = read_processes(words[0], options.service);
  } else if (words.size() == 1 && !is_script(words[0]) &&
             master::is_gunicorn_config(words[0])) {
    service.value().flags = {"--config", words[0]};
  } else {
    service = read_words(std::move(words));
  }
  if (service && !service.value().uwsgi.empty())
    service = read_uwsgi(std::move(service).value());
  if (!service) return service.error();
  source.service = std::move(service).value();
  return source;
}

std::string changed_unit(UnitFile& unit, const GunicornService& service,
                         Imported& imported) {
  // To uWSGI, SIGTERM is a reload.
  if (!service.uwsgi.empty() && unit.remove("Service", "KillSignal"))
    imported.differences.emplace_back(
        "unit: KillSignal= is gone: SIGTERM, systemd's own, stops gracefully");
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
  if (!service.user.empty()) site.user = service.user;
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

// Behind a file, too: "monodon import shop.service --unit". Behind a command line they
// would be Gunicorn's.
void take_own_flags(ImportOptions& options) {
  std::vector<std::string>& words = options.what;
  std::error_code error;
  if (words.size() < 2 || words[0].starts_with('-') ||
      !fs::is_regular_file(words[0], error) || ::access(words[0].c_str(), X_OK) == 0)
    return;
  std::vector<std::string> rest{words[0]};
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string name = words[i].substr(0, words[i].find('='));
    std::string* const value = name == "--chdir"     ? &options.directory
                               : name == "--python"  ? &options.python
                               : name == "--service" ? &options.service
                                                     : nullptr;
    if (words[i] == "--unit")
      options.unit = true;
    else if (value != nullptr && name.size() < words[i].size())
      *value = words[i].substr(name.size() + 1);
    else if (value != nullptr && i + 1 < words.size())
      *value = words[++i];
    else
      rest.push_back(words[i]);
  }
  words = std::move(rest);
}

// Where no file says it, a service is started where whoever imports it is. uWSGI looks
// for an interpreter once it has changed its directory, a shell before that.
void settle_directory(const std::string& given, bool of_uwsgi,
                      GunicornService& service) {
  const std::string here =
      given.empty() ? fs::current_path().string() : fs::absolute(given).string();
  service.directory = given.empty() && !service.directory.empty()
                          ? path_below(here, service.directory)
                          : here;
  service.python = path_below(of_uwsgi ? service.directory : here, service.python);
}

}  // namespace

int run_import(const ImportOptions& given) {
  ImportOptions options = given;
  take_own_flags(options);
  auto source = read_source(options);
  if (!source) {
    say("monodon import: " + source.error().message());
    return kBadConfiguration;
  }
  GunicornService& service = source.value().service;
  const bool of_uwsgi = !service.uwsgi.empty() || is_uwsgi_ini(options.what[0]);
  settle_directory(options.directory, of_uwsgi, service);
  if (!of_uwsgi) add_usual_file(service);
  if (!options.python.empty())
    service.python = options.python;
  else
    find_python(service);
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
