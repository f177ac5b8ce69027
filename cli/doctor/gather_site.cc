// SPDX-License-Identifier: Apache-2.0
// Evidence around the server: nginx before it, the machine below it, the code in it.
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/process/run_program.h"
#include "base/text/number.h"
#include "base/text/text.h"
#include "cli/doctor/gather.h"
#include "cli/flags/shell_words.h"
#include "master/config/interpreter.h"

namespace monodon::cli {
namespace {

namespace fs = std::filesystem;

// nginx's files, where it cannot be asked; enough to find our routes in.
std::string nginx_files(const std::string& root) {
  std::string text = read_file(root + "/etc/nginx/nginx.conf");
  for (const char* directory : {"/etc/nginx/conf.d", "/etc/nginx/sites-enabled"}) {
    std::error_code error;
    std::set<fs::path> files;
    for (const auto& entry : fs::directory_iterator{root + directory, error}) {
      files.insert(entry.path());
    }
    for (const fs::path& file : files) text += read_file(file) + "\n";
  }
  return text;
}

// The last line says that the test failed, the first error says why.
std::string first_error(std::string_view text) {
  const std::size_t emerg = text.find("[emerg]");
  return std::string{emerg == std::string_view::npos ? last_line(text)
                                                     : first_line(text.substr(emerg))};
}

bool runs(std::string_view program) {
  for (const auto& entry : fs::directory_iterator{"/proc"}) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (without_final_newlines(read_file(entry.path() / "comm")) == program)
      return true;
  }
  return false;
}

void look_for_denials(Evidence& e) {
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
    if (line.find("nginx") != std::string::npos ||
        line.find("monodon") != std::string::npos)
      e.denials.push_back(line);
  }
}

}  // namespace

void look_at_nginx(Evidence& e, const std::string& root) {
  std::string text;
  if (e.live && ::geteuid() == 0) {
    const char* const program =
        ::access("/usr/sbin/nginx", X_OK) == 0 ? "/usr/sbin/nginx" : "nginx";
    const auto done = run_program({program, "-T", "-q"}, std::chrono::seconds{20});
    if (done && done.value().status != 0)
      e.nginx_error = first_error(done.value().errors);
    if (done) text = done.value().output;
  } else {
    text = nginx_files(root);
  }
  e.has_nginx = !text.empty() || !e.nginx_error.empty();
  e.routes = nginx_routes(parse_nginx(text));
  std::string user = nginx_user_of(text);
  // What it was built with: Debian's, and everybody else's.
  if (user.empty()) user = ::getpwnam("www-data") != nullptr ? "www-data" : "nginx";
  e.nginx = find_account(user);
  if (!e.live) return;
  if (!has_systemd()) {
    e.nginx_runs = runs("nginx");
    return;
  }
  const Properties unit = Units{""}.show("nginx.service");
  e.nginx_runs = !is_loaded(unit) || property(unit, "ActiveState") == "active";
}

void look_at_the_machine(Evidence& e) {
  e.somaxconn =
      parse_number(without_final_newlines(read_file("/proc/sys/net/core/somaxconn")))
          .value_or(0);
  if (!e.listen.empty()) {
    e.steps = path_steps(e.listen);
    e.listeners = count_listeners(read_file("/proc/net/unix"), e.listen);
  }
  look_for_denials(e);
}

void look_at_application(Evidence& e, const std::string& root) {
  if (!e.settings || !e.user_known) return;
  if (e.settings->worker.application.starts_with("native:")) return;
  const std::string& directory = e.settings->worker.directory;
  const auto python = master::find_interpreter(e.settings->python, directory);
  if (!python) return void(e.facts_error = python.error().message());
  std::vector<std::string> files;
  if (const auto words = shell_words(property(e.service, "EnvironmentFiles"))) {
    for (std::string word : words.value()) {
      if (word.starts_with('-')) word.erase(0, 1);
      if (word.starts_with('/')) files.push_back(root + word);
    }
  }
  std::vector<std::string> variables = e.settings->worker.environment;
  if (auto set = shell_words(property(e.service, "Environment"))) {
    variables.insert(variables.begin(), set.value().begin(), set.value().end());
  }
  // In an image its users need not be known here, and a dynamic one is there only while
  // the service runs: then by whoever owns the code.
  const bool dynamic = property(e.service, "DynamicUser") == "yes";
  std::string user = e.live && !dynamic ? property(e.service, "User") : "";
  if (user.empty() && e.live && !dynamic) user = e.settings->user;
  auto facts = read_site(python.value().path, directory, e.settings->worker.application,
                         variables, files, user);
  if (!facts) return void(e.facts_error = facts.error().message());
  e.facts = std::move(facts).value();
}

std::string host_for(const Evidence& e) {
  for (const NginxRoute& route : e.routes) {
    if (route.socket != e.listen || route.server_names.empty()) continue;
    if (route.server_names[0].find_first_of("_*~") == std::string::npos) {
      return route.server_names[0];
    }
  }
  for (const std::string& name :
       e.facts ? e.facts->allowed_hosts : std::vector<std::string>{}) {
    if (name != "*") return name.starts_with('.') ? name.substr(1) : name;
  }
  return "localhost";
}

}  // namespace monodon::cli
