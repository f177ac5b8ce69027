// SPDX-License-Identifier: Apache-2.0
// The evidence of a site that systemd runs, gathered for the checks.
#include "cli/doctor/gather.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "base/files/regular_file.h"
#include "base/text/text.h"
#include "cli/flags/serve_line.h"
#include "cli/flags/shell_words.h"

namespace monodon::cli {
namespace {

namespace fs = std::filesystem;

class Gatherer {
 public:
  Gatherer(std::string root, const Units& units, Evidence& evidence)
      : root_{std::move(root)}, units_{units}, e_{evidence} {}

  void run(const std::string& site) {
    e_.live = root_.empty();
    e_.run_by = units_.of_user() ? RunBy::user : RunBy::system;
    find_service(site);
    find_socket();
    read_settings();
    if (e_.listen.empty()) listen_of_settings();
    look_at_nginx(e_, root_);
    if (e_.live) look_at_the_machine(e_);
    if (e_.live) look_at_start(e_, units_);
    look_at_application(e_, root_);
    if (e_.live) look_at_files(e_);
    if (e_.live && !e_.listen.empty() && may_be_asked())
      e_.probe = ask_socket(e_.listen, host_for(e_));
    look_at_control(e_, units_);
    if (e_.live) ask_server();
  }

 private:
  // One that cannot start would only let us wait.
  bool may_be_asked() const {
    return !keeps_failing(e_.service) && is_loaded(e_.service) &&
           property(e_.socket, "Accept") != "yes";
  }

  void find_service(const std::string& site) {
    e_.service_name = site.ends_with(".service") ? site : site + ".service";
    e_.service = units_.show(e_.service_name);
    const std::string found = property(e_.service, "LoadState");
    if ((found.empty() || found == "not-found") &&
        site.find_first_of("@.") == std::string::npos) {
      // A template exists for every name; an instance, where its settings do or where
      // somebody has enabled or started it.
      const std::string instance = fmt::format("monodon@{}.service", site);
      const Properties unit = units_.show(instance);
      const std::string state = property(unit, "ActiveState");
      if (fs::exists(fmt::format("{}/etc/monodon/{}.yaml", root_, site)) ||
          (is_loaded(unit) && (property(unit, "UnitFileState") == "enabled" ||
                               (!state.empty() && state != "inactive")))) {
        e_.service_name = instance;
        e_.service = unit;
      }
    }
    e_.site = e_.service_name.substr(0, e_.service_name.rfind('.'));
    if (e_.site.starts_with("monodon@")) e_.site.erase(0, 8);
  }

  // Of all that start the service, the one with a path that is not for metrics or
  // commands; else the one of its name.
  void find_socket() {
    const std::string own =
        e_.service_name.substr(0, e_.service_name.rfind('.')) + ".socket";
    std::vector<std::string> names{own};
    const auto candidates = shell_words(property(e_.service, "TriggeredBy") + " " +
                                        property(e_.service, "Requires"));
    if (candidates)
      names.insert(names.end(), candidates.value().begin(), candidates.value().end());
    for (const std::string& name : names) {
      if (!name.ends_with(".socket")) continue;
      const Properties unit = units_.show(name);
      const std::string listen = property(unit, "Listen");
      const std::string state = property(unit, "LoadState");
      const bool unusable = state != "loaded" && state != "not-found" && !state.empty();
      if (!(is_loaded(unit) && listen.starts_with('/')) && !unusable) continue;
      e_.socket_name = name;
      e_.socket = unit;
      e_.listen = listen.substr(0, listen.find(' '));
      break;
    }
    for (const std::string& name : units_.sockets_on(e_.listen)) {
      if (name != e_.socket_name)
        e_.rivals.push_back({name, property(units_.show(name), "Triggers")});
    }
    if (!e_.live) return;
    e_.proxy_known =
        is_known(property(e_.socket, "SocketUser"), property(e_.socket, "SocketGroup"));
    e_.user_known =
        property(e_.service, "DynamicUser") == "yes" ||
        is_known(property(e_.service, "User"), property(e_.service, "Group"));
  }

  void read_settings() {
    const master::ConfigResult result = settings_of(e_.service, root_);
    e_.settings_problems = result.problems;
    if (!result.config) return;
    e_.settings = result.config->settings;
    e_.settings_warnings = result.config->warnings;
  }

  void listen_of_settings() {
    if (!e_.settings) return;
    for (const std::string& address : e_.settings->bind) {
      if (address.starts_with("unix:/")) e_.listen = address.substr(5);
    }
  }

  // After the probe, which starts a service that waits for its first request.
  void ask_server() {
    std::string directory = property(e_.service, "RuntimeDirectory");
    directory = "/run/" + directory.substr(0, directory.find(' '));
    if (e_.settings && !e_.settings->runtime_directory.empty())
      directory = e_.settings->runtime_directory;
    e_.preload = ask_for_preload(directory + "/control.sock");
  }

  std::string root_;
  const Units& units_;
  Evidence& e_;
};

}  // namespace

std::string read_file(const std::string& path) {
  auto text = read_regular_file(path);
  return text ? std::move(text).value() : std::string{};
}

master::ConfigResult settings_of(const Properties& service, const std::string& root) {
  std::vector<std::string> words = exec_words(property(service, "ExecStart"));
  if (words.size() < 2 || words[1] != "serve") return {};
  Variables variables;
  if (const auto set = shell_words(property(service, "Environment"))) {
    for (const std::string& text : set.value()) {
      variables[text.substr(0, text.find('='))] = text.substr(text.find('=') + 1);
    }
  }
  auto parsed = parse_serve_line({words.begin() + 2, words.end()}, variables);
  if (!parsed) {
    master::ConfigResult bad;
    bad.problems.push_back(parsed.error().message());
    return bad;
  }
  master::CommandLine line = std::move(parsed).value();
  const std::string directory = property(service, "WorkingDirectory");
  line.start_directory = directory.starts_with('/') ? root + directory : "/";
  if (root.empty() && property(service, "DynamicUser") != "yes")
    line.user = property(service, "User");
  if (line.config_file.starts_with('/')) line.config_file.insert(0, root);
  return master::load_config(line);
}

Evidence gather(const std::string& site, const Units& units, const std::string& root) {
  Evidence evidence;
  Gatherer{root, units, evidence}.run(site);
  return evidence;
}

}  // namespace monodon::cli
