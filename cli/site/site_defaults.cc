// SPDX-License-Identifier: Apache-2.0
// Finds on the machine and in the code what init was not told.
#include "cli/site/site_defaults.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <utility>

#include "base/process/run_program.h"
#include "base/text/say.h"
#include "cli/site/site_facts.h"
#include "cli/site/site_files.h"
#include "master/config/interpreter.h"

namespace monodon::cli {
namespace {

namespace fs = std::filesystem;

std::string text_of_file(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

std::string nginx_user() {
  const std::string user = nginx_user_of(text_of_file("/etc/nginx/nginx.conf"));
  if (!user.empty()) return user;
  return ::getpwnam("www-data") == nullptr && ::getpwnam("nginx") != nullptr
             ? "nginx"
             : "www-data";
}

bool nginx_has_http2_directive() {
  // Not only root has nginx, but only root has /usr/sbin in PATH.
  for (const char* program : {"nginx", "/usr/sbin/nginx"}) {
    const auto said = run_program({program, "-v"}, std::chrono::seconds{5});
    if (said && said.value().status == 0)
      return has_http2_directive(said.value().errors);
  }
  return false;
}

std::string group_of(const std::string& user) {
  const passwd* const entry = ::getpwnam(user.c_str());
  const group* const found = entry == nullptr ? nullptr : ::getgrgid(entry->pw_gid);
  return found == nullptr ? user : found->gr_name;
}

// Whoever owns the code runs it; root's code is run by a user of the site's name.
std::string owner_of(const std::string& directory) {
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0 || status.st_uid == 0) return {};
  const passwd* const entry = ::getpwuid(status.st_uid);
  return entry == nullptr ? "" : entry->pw_name;
}

void fill(std::string& value, const std::string& found) {
  if (value.empty()) value = found;
}

void find_servers(Site& site, const SiteFacts& facts) {
  for (std::string host : facts.allowed_hosts) {
    if (host == "*" || host.find(':') != std::string::npos) continue;
    if (host.starts_with('.')) host.insert(0, "*");
    site.server_names.push_back(host);
  }
  if (site.server_names.empty()) site.server_names = {"_"};
}

void find_certificate(Site& site) {
  const std::string live = "/etc/letsencrypt/live/" + site.server_names[0];
  if (!site.certificate.empty() || ::access(live.c_str(), F_OK) != 0) return;
  site.certificate = live + "/fullchain.pem";
  site.certificate_key = live + "/privkey.pem";
}

void ask_the_code(Site& site, const std::string& asked_python) {
  const auto python = master::find_interpreter(asked_python, site.directory);
  if (!python) return say("note: " + python.error().message());
  const auto facts =
      read_site(python.value().path, site.directory, site.application, {},
                {site.directory + "/.env"}, owner_of(site.directory));
  if (!facts) return say("note: " + facts.error().message());
  const SiteFacts& found = facts.value();
  if (!found.error.empty()) say("note: " + found.error);
  fill(site.application, found.application);
  fill(site.static_url, found.static_url);
  fill(site.static_root, found.static_root);
  fill(site.media_url, found.media_url);
  fill(site.media_root, found.media_root);
  for (const std::string& file : found.sqlite) {
    site.writable.push_back(fs::path{file}.parent_path());
  }
  if (site.server_names.empty()) find_servers(site, found);
}

// "3.13" of the file that makes a directory a virtual environment; "" where it is none.
std::string version_of_venv(const std::string& venv) {
  std::istringstream lines{text_of_file(venv + "/pyvenv.cfg")};
  for (std::string line; std::getline(lines, line);) {
    // venv has "version = 3.13.1", virtualenv "version_info = 3.13.1.final.0".
    if (!line.starts_with("version")) continue;
    const std::size_t at = line.find_first_of("0123456789");
    const std::size_t dot = line.find('.', at);
    if (dot == std::string::npos) continue;
    return line.substr(at, line.find_first_not_of("0123456789", dot + 1) - at);
  }
  return {};
}

// Where the packages of the site are, and what makes that place on a fresh machine. An
// interpreter that is in no virtual environment is what one is made with: deploy.sh
// installs into no system's Python.
void choose_python(Site& site) {
  const auto is_venv = [](const std::string& path) {
    return ::access((path + "/pyvenv.cfg").c_str(), F_OK) == 0;
  };
  site.venv = site.directory + "/.venv";
  if (!is_venv(site.venv) && is_venv(site.directory + "/venv"))
    site.venv = site.directory + "/venv";
  const fs::path named = fs::path{site.python}.lexically_normal();
  const std::string around = named.parent_path().parent_path();
  if (is_venv(around) || (site.python.starts_with(site.directory + "/"))) {
    site.venv = around;
  } else if (!site.python.empty()) {
    site.base_python = std::exchange(site.python, {});
    return;
  }
  if (const std::string version = version_of_venv(site.venv); !version.empty())
    site.base_python = "python" + version;
}

// Of the sites that are on this machine, in /etc/monodon.
void choose_metrics_bind(Site& site) {
  constexpr unsigned kDefault = 9117;
  std::set<std::string> taken;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator{"/etc/monodon", ignored}) {
    if (entry.path().extension() != ".yaml" || entry.path().stem() == site.name)
      continue;
    std::istringstream lines{text_of_file(entry.path())};
    std::string bind = fmt::format("127.0.0.1:{}", kDefault);
    for (std::string line; std::getline(lines, line);)
      if (constexpr std::string_view key = "metrics_bind:"; line.starts_with(key))
        bind =
            line.substr(std::min(line.find_first_not_of(' ', key.size()), line.size()));
    taken.insert(bind);
  }
  for (unsigned port = kDefault;; ++port) {
    const std::string bind = fmt::format("127.0.0.1:{}", port);
    if (taken.contains(bind)) continue;
    if (port != kDefault) site.metrics_bind = bind;
    return;
  }
}

}  // namespace

void complete_site(Site& site) {
  if (site.directory.empty()) site.directory = fs::current_path();
  site.directory = fs::absolute(site.directory).lexically_normal();
  if (site.directory.ends_with('/')) site.directory.pop_back();
  fill(site.name, fs::path{site.directory}.filename());
  if (::access(site.directory.c_str(), R_OK) == 0) ask_the_code(site, site.python);
  choose_python(site);
  choose_metrics_bind(site);
  if (site.server_names.empty()) site.server_names = {"_"};
  fill(site.user, owner_of(site.directory));
  fill(site.user, site.name);
  fill(site.group, group_of(site.user));
  fill(site.proxy_user, nginx_user());
  site.http2_directive = nginx_has_http2_directive();
  fill(site.proxy_group, group_of(site.proxy_user));
  fill(site.socket, fmt::format("/run/monodon/{}/http.sock", site.name));
  fill(site.static_url, "/static/");
  fill(site.static_root, site.directory + "/static");
  fill(site.media_url, "/media/");
  fill(site.media_root, site.directory + "/media");
  fill(site.access_log, site.directory + "/logs/access.log");
  fill(site.error_log, site.directory + "/logs/error.log");
  find_certificate(site);
}

}  // namespace monodon::cli
