// SPDX-License-Identifier: Apache-2.0
// The evidence of a site, gathered for the checks.
#include "cli/doctor/gather.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "base/number.h"
#include "base/run_program.h"
#include "cli/flags/serve_line.h"
#include "cli/flags/shell_words.h"
#include "master/config/interpreter.h"

namespace monodon::cli {
namespace {

namespace fs = std::filesystem;

std::string read_file(const std::string& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

class Gatherer {
 public:
  Gatherer(std::string root, Evidence& evidence)
      : root_{std::move(root)}, units_{root_}, e_{evidence} {}

  void run(const std::string& site) {
    e_.live = root_.empty();
    find_service(site);
    find_socket();
    read_settings();
    if (e_.listen.empty()) listen_of_settings();
    read_nginx();
    if (e_.live) look_at_the_machine();
    read_application();
    if (e_.live) look_at_files(e_);
    // One that cannot start would only let us wait.
    if (e_.live && !e_.listen.empty() && !keeps_failing(e_.service)) {
      e_.probe = ask_socket(e_.listen, host());
    }
    if (e_.live) ask_server();
  }

 private:
  static bool is_loaded(const Properties& unit) {
    return property(unit, "LoadState") == "loaded";
  }

  void find_service(const std::string& site) {
    e_.service_name = site.ends_with(".service") ? site : site + ".service";
    e_.service = units_.show(e_.service_name);
    if (!is_loaded(e_.service) && site.find_first_of("@.") == std::string::npos) {
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

  // Of all that start the service, the one with a path; else the one of its name.
  void find_socket() {
    const std::string own =
        e_.service_name.substr(0, e_.service_name.rfind('.')) + ".socket";
    std::vector<std::string> names;
    const auto candidates = shell_words(property(e_.service, "TriggeredBy") + " " +
                                        own + " " + property(e_.service, "Requires"));
    if (candidates) names = candidates.value();
    for (const std::string& name : names) {
      if (!name.ends_with(".socket")) continue;
      const Properties unit = units_.show(name);
      const std::string listen = property(unit, "Listen");
      if (!is_loaded(unit) || !listen.starts_with('/')) continue;
      e_.socket_name = name;
      e_.socket = unit;
      e_.listen = listen.substr(0, listen.find(' '));
      break;
    }
    for (const std::string& name : units_.sockets_on(e_.listen)) {
      if (name != e_.socket_name) e_.rivals.push_back(name);
    }
    if (!e_.live) return;
    e_.proxy_known =
        is_known(property(e_.socket, "SocketUser"), property(e_.socket, "SocketGroup"));
    e_.user_known =
        property(e_.service, "DynamicUser") == "yes" ||
        is_known(property(e_.service, "User"), property(e_.service, "Group"));
  }

  void read_settings() {
    std::vector<std::string> words = exec_words(property(e_.service, "ExecStart"));
    if (words.size() < 2 || words[1] != "serve") return;
    Variables variables;
    if (const auto set = shell_words(property(e_.service, "Environment"))) {
      for (const std::string& text : set.value()) {
        variables[text.substr(0, text.find('='))] = text.substr(text.find('=') + 1);
      }
    }
    auto parsed = parse_serve_line({words.begin() + 2, words.end()}, variables);
    if (!parsed) return e_.settings_problems.push_back(parsed.error().message());
    master::CommandLine line = std::move(parsed).value();
    const std::string directory = property(e_.service, "WorkingDirectory");
    line.start_directory = directory.starts_with('/') ? root_ + directory : "/";
    if (e_.live) line.user = property(e_.service, "User");
    if (line.config_file.starts_with('/')) line.config_file.insert(0, root_);
    const master::ConfigResult result = master::load_config(line);
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

  // Its files, where nginx cannot be asked; enough to find our routes in.
  std::string nginx_files() const {
    std::string text = read_file(root_ + "/etc/nginx/nginx.conf");
    for (const char* directory : {"/etc/nginx/conf.d", "/etc/nginx/sites-enabled"}) {
      std::error_code error;
      std::set<fs::path> files;
      for (const auto& entry : fs::directory_iterator{root_ + directory, error}) {
        files.insert(entry.path());
      }
      for (const fs::path& file : files) text += read_file(file) + "\n";
    }
    return text;
  }

  void read_nginx() {
    std::string text;
    if (e_.live && ::geteuid() == 0) {
      const char* const program =
          ::access("/usr/sbin/nginx", X_OK) == 0 ? "/usr/sbin/nginx" : "nginx";
      const auto done = run_program({program, "-T", "-q"}, std::chrono::seconds{20});
      if (done && done.value().status != 0)
        e_.nginx_error = last_line(done.value().errors);
      if (done) text = done.value().output;
    } else {
      text = nginx_files();
    }
    e_.has_nginx = !text.empty() || !e_.nginx_error.empty();
    e_.routes = nginx_routes(parse_nginx(text));
    std::string user = nginx_user_of(text);
    // What it was built with: Debian's, and everybody else's.
    if (user.empty()) user = ::getpwnam("www-data") != nullptr ? "www-data" : "nginx";
    e_.nginx = find_account(user);
    if (!e_.live) return;
    const Properties unit = units_.show("nginx.service");
    e_.nginx_runs = !is_loaded(unit) || property(unit, "ActiveState") == "active";
  }

  static std::string last_line(std::string text) {
    while (text.ends_with('\n')) text.pop_back();
    // The last says that the test failed, the first error says why.
    const std::size_t emerg = text.find("[emerg]");
    if (emerg != std::string::npos) {
      text = text.substr(emerg, text.find('\n', emerg) - emerg);
    }
    return text.substr(text.rfind('\n') + 1);
  }

  void look_at_the_machine() {
    e_.somaxconn =
        parse_number(trimmed(read_file("/proc/sys/net/core/somaxconn"))).value_or(0);
    e_.steps = path_steps(e_.listen);
    e_.listeners = count_listeners(read_file("/proc/net/unix"), e_.listen);
    const auto kernel =
        run_program({"journalctl", "--dmesg", "--boot", "--since=-1day", "--no-pager",
                     "-o", "cat", "--grep=avc: +denied|apparmor=\"DENIED\""},
                    std::chrono::seconds{10});
    if (!kernel || kernel.value().status != 0) return;
    std::string_view text = kernel.value().output;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      const std::string line{text.substr(0, end)};
      text.remove_prefix(std::min(end + 1, text.size()));
      for (const std::string& about : {std::string{"nginx"}, std::string{"monodon"}}) {
        if (line.find(about) == std::string::npos) continue;
        e_.denials.push_back(line);
        break;
      }
    }
  }

  static std::string trimmed(std::string text) {
    while (text.ends_with('\n')) text.pop_back();
    return text;
  }

  void read_application() {
    if (!e_.settings || !e_.user_known) return;
    if (e_.settings->worker.application.starts_with("native:")) return;
    const std::string& directory = e_.settings->worker.directory;
    const auto python = master::find_interpreter(e_.settings->python, directory);
    if (!python) return void(e_.facts_error = python.error().message());
    std::vector<std::string> files;
    if (const auto words = shell_words(property(e_.service, "EnvironmentFiles"))) {
      for (std::string word : words.value()) {
        if (word.starts_with('-')) word.erase(0, 1);
        if (word.starts_with('/')) files.push_back(root_ + word);
      }
    }
    std::vector<std::string> variables = e_.settings->worker.environment;
    if (auto set = shell_words(property(e_.service, "Environment"))) {
      variables.insert(variables.begin(), set.value().begin(), set.value().end());
    }
    // In an image its users need not be known here: then by whoever owns the code.
    std::string user = e_.live ? property(e_.service, "User") : "";
    if (user.empty() && e_.live) user = e_.settings->user;
    auto facts = read_site(python.value().path, directory,
                           e_.settings->worker.application, variables, files, user);
    if (!facts) return void(e_.facts_error = facts.error().message());
    e_.facts = std::move(facts).value();
  }

  // After the probe, which starts a service that waits for its first request.
  void ask_server() {
    std::string directory = property(e_.service, "RuntimeDirectory");
    directory = "/run/" + directory.substr(0, directory.find(' '));
    if (e_.settings && !e_.settings->runtime_directory.empty())
      directory = e_.settings->runtime_directory;
    e_.preload = ask_for_preload(directory + "/control.sock");
  }

  // A name that the application takes for its own.
  std::string host() const {
    for (const NginxRoute& route : e_.routes) {
      if (route.socket != e_.listen || route.server_names.empty()) continue;
      if (route.server_names[0].find_first_of("_*~") == std::string::npos) {
        return route.server_names[0];
      }
    }
    for (const std::string& name :
         e_.facts ? e_.facts->allowed_hosts : std::vector<std::string>{}) {
      if (name != "*") return name.starts_with('.') ? name.substr(1) : name;
    }
    return "localhost";
  }

  std::string root_;
  Units units_;
  Evidence& e_;
};

}  // namespace

Evidence gather(const std::string& site, const std::string& root) {
  Evidence evidence;
  Gatherer{root, evidence}.run(site);
  return evidence;
}

}  // namespace monodon::cli
