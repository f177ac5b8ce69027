// SPDX-License-Identifier: Apache-2.0
// The texts of a site's files, from their templates.
#include "cli/site/site_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "cli/site/templates.h"
#include "cli/site/unit_file.h"

namespace monodon::cli {
namespace {

using Values = std::map<std::string, std::string, std::less<>>;

constexpr std::string_view kPrefix = "/usr/bin";
constexpr std::string_view kSysconf = "/etc";

std::string directory_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

// Below /run, as RuntimeDirectory= wants it; "" for a socket elsewhere.
std::string runtime_directory(const std::string& socket) {
  const std::string directory = directory_of(socket);
  return directory.starts_with("/run/") ? directory.substr(5) : "";
}

std::string settings_file(const Site& site) {
  return fmt::format("{}/monodon/{}.yaml", kSysconf, site.name);
}

// The packaged unit with the comments that introduce it replaced.
UnitFile packaged(std::string_view file, const Site& site, std::string_view head) {
  const std::string text =
      fill_template(file_template(file), {{"bindir", std::string{kPrefix}},
                                          {"sysconfdir", std::string{kSysconf}},
                                          {"proxy_user", site.proxy_user},
                                          {"type", "Type=notify"},
                                          {"restart", "RestartSec=1s"}});
  const std::size_t body = text.find("\n[Unit]");
  return UnitFile{fmt::format("# SPDX-License-Identifier: Apache-2.0\n{}{}", head,
                              text.substr(body + 1))};
}

SiteFile socket_unit(const Site& site) {
  UnitFile unit = packaged(
      "monodon@.socket.in", site,
      fmt::format(
          "# The socket that nginx connects to. systemd makes it, keeps it while "
          "the service is\n# stopped, restarted or dead, and holds the "
          "connections that wait.\n"));
  unit.set("Unit", "Description", "Socket of " + site.name);
  unit.set("Socket", "ListenStream", site.socket);
  unit.set("Socket", "SocketUser", site.proxy_user);
  unit.set("Socket", "SocketGroup", site.proxy_group);
  const std::string runtime = runtime_directory(site.socket);
  if (runtime.empty()) {
    unit.remove("Socket", "RuntimeDirectory");
    unit.remove("Socket", "RuntimeDirectoryMode");
  } else {
    unit.set("Socket", "RuntimeDirectory", runtime);
  }
  return {site.name + ".socket", unit.text()};
}

// What differs between sites, for a unit of its own and for a drop-in alike.
void describe(UnitFile& unit, const Site& site) {
  unit.set("Service", "User", site.user);
  unit.set("Service", "Group", site.group);
  unit.set("Service", "WorkingDirectory", site.directory);
  unit.set("Service", "EnvironmentFile", fmt::format("-{}/.env", site.directory));
  std::string writable = "-" + directory_of(site.access_log);
  if (!site.media_root.empty()) writable += " -" + site.media_root;
  for (const std::string& path : site.writable) writable += " -" + path;
  unit.set("Service", "ReadWritePaths", writable);
  if (site.directory.starts_with("/home/")) {
    unit.set("Service", "ProtectHome", "read-only");
  }
}

SiteFile service_unit(const Site& site) {
  const std::string socket = site.name + ".socket";
  UnitFile unit = packaged(
      "monodon@.service.in", site,
      fmt::format("# {}. Its settings are in {}.\n", site.name, settings_file(site)));
  unit.set("Unit", "Description", site.name + ", served by Monodon");
  unit.set("Unit", "Requires", socket);
  unit.set("Unit", "After", socket + " network.target");
  unit.set("Service", "ExecStart",
           fmt::format("{}/monodon serve --config {}", kPrefix, settings_file(site)));
  unit.set("Service", "RuntimeDirectory", "monodon-" + site.name);
  unit.set("Install", "Also", socket);
  for (const char* key : {"StateDirectory", "CacheDirectory", "LogsDirectory"}) {
    unit.set("Service", key, "monodon/" + site.name);
  }
  describe(unit, site);
  return {site.name + ".service", unit.text()};
}

SiteFile drop_in(const Site& site) {
  UnitFile unit{
      "# SPDX-License-Identifier: Apache-2.0\n"
      "# What this site wants different from the packaged monodon@.service.\n"
      "[Service]\n"};
  describe(unit, site);
  return {fmt::format("monodon@{}.service.d/site.conf", site.name), unit.text()};
}

std::string location(const std::string& url, const std::string& root) {
  if (url.empty() || root.empty()) return {};
  return fmt::format("    location {} {{\n        alias {}/;\n    }}\n", url, root);
}

// Either form is an error or a warning to the nginx of the other.
std::string listen_tls(bool http2_directive) {
  return http2_directive
             ? "    listen 443 ssl;\n    listen [::]:443 ssl;\n    http2 on;\n"
             : "    listen 443 ssl http2;\n    listen [::]:443 ssl http2;\n";
}

SiteFile nginx_file(const Site& site) {
  const bool tls = !site.certificate.empty();
  const std::string names = fmt::format("{}", fmt::join(site.server_names, " "));
  return {fmt::format("nginx-{}.conf", site.name),
          fill_template(file_template(tls ? "nginx-tls.conf.in" : "nginx.conf.in"),
                        {{"name", site.name},
                         {"socket", site.socket},
                         {"server_names", names},
                         {"listen_tls", listen_tls(site.http2_directive)},
                         {"certificate", site.certificate},
                         {"certificate_key", site.certificate_key},
                         {"body_size", site.body_size},
                         {"static", location(site.static_url, site.static_root)},
                         {"media", location(site.media_url, site.media_root)}})};
}

SiteFile settings(const Site& site) {
  std::string text = fill_template(file_template("site.yaml.in"),
                                   {{"name", site.name},
                                    {"application", site.application},
                                    {"directory", site.directory},
                                    {"socket", site.socket},
                                    {"workers", std::to_string(site.workers)},
                                    {"access_log", site.access_log},
                                    {"error_log", site.error_log}});
  if (!site.python.empty()) text += fmt::format("python: {}\n", site.python);
  if (!site.metrics_bind.empty())
    text += fmt::format(
        "# Another site of this machine has the default.\nmetrics_bind: {}\n",
        site.metrics_bind);
  return {site.name + ".yaml", text};
}

SiteFile deploy_script(const Site& site) {
  const bool own = !site.instance;
  std::vector<std::string> directories{directory_of(site.access_log), site.static_root,
                                       site.media_root};
  directories.insert(directories.end(), site.writable.begin(), site.writable.end());
  const std::string host = site.server_names.empty() || site.server_names[0] == "_"
                               ? "localhost"
                               : site.server_names[0];
  return {
      "deploy.sh",
      fill_template(
          file_template("deploy.sh.in"),
          {{"name", site.name},
           {"service", own ? site.name : "monodon@" + site.name},
           {"units", own ? fmt::format("{0}.socket {0}.service", site.name)
                         : fmt::format("monodon@{}.service.d/site.conf", site.name)},
           {"directory", site.directory},
           {"venv", site.venv},
           {"base_python", site.base_python},
           {"user", site.user},
           {"group", site.group},
           {"socket", site.socket},
           {"host", host},
           {"directories", fmt::format("{}", fmt::join(directories, " "))}}),
      true};
}

bool is_plain(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           more.find(c) != std::string_view::npos;
  });
}

}  // namespace

std::string fill_template(std::string_view text, const Values& values) {
  std::string filled;
  while (true) {
    const std::size_t at = text.find('@');
    filled += text.substr(0, at);
    if (at == std::string_view::npos) return filled;
    text.remove_prefix(at);
    const std::size_t end = text.find('@', 1);
    const auto value = end == std::string_view::npos
                           ? values.end()
                           : values.find(text.substr(1, end - 1));
    if (value == values.end()) {
      filled += '@';
      text.remove_prefix(1);
    } else {
      filled += value->second;
      text.remove_prefix(end + 1);
    }
  }
}

std::vector<SiteFile> site_files(const Site& site) {
  std::vector<SiteFile> files;
  if (site.instance) {
    files.push_back(drop_in(site));
  } else {
    files.push_back(socket_unit(site));
    files.push_back(service_unit(site));
  }
  files.push_back(settings(site));
  files.push_back(nginx_file(site));
  files.push_back(deploy_script(site));
  return files;
}

std::vector<std::string> check_site(const Site& site) {
  std::vector<std::string> problems;
  const auto check = [&](std::string_view what, std::string_view value,
                         std::string_view more) {
    if (is_plain(value, more)) return;
    problems.push_back(
        fmt::format("{}: \"{}\" has a character that units, nginx or a "
                    "shell take apart",
                    what, value));
  };
  if (site.name.empty() || site.name.front() == '.' || site.name.front() == '-') {
    problems.emplace_back("name: the site needs a name, of letters, digits, - and _");
  }
  check("name", site.name, "-_.");
  for (const auto& [what, path] :
       {std::pair<std::string_view, const std::string&>{"--directory", site.directory},
        {"--socket", site.socket},
        {"--static", site.static_root},
        {"--media", site.media_root},
        {"--access-log", site.access_log},
        {"--error-log", site.error_log},
        {"--certificate", site.certificate},
        {"--certificate-key", site.certificate_key},
        {"--python", site.python}}) {
    check(what, path, "-_./+");
    if (!path.empty() && path.front() != '/') {
      problems.push_back(fmt::format("{}: \"{}\" is not an absolute path", what, path));
    }
  }
  check("--python", site.base_python, "-_./+");
  check("--user", site.user, "-_.");
  check("--nginx-user", site.proxy_user, "-_.");
  check("--application", site.application, "_.:");
  for (const std::string& name : site.server_names) {
    check("--server-name", name, "-_.*");
  }
  if (site.application.empty()) {
    problems.emplace_back(
        "application: none was found; name it with --application "
        "package.module:callable");
  }
  if (site.instance &&
      site.socket != fmt::format("/run/monodon/{}/http.sock", site.name)) {
    problems.emplace_back(
        "--socket: monodon@.socket says where the socket of an "
        "instance is");
  }
  return problems;
}

}  // namespace monodon::cli
