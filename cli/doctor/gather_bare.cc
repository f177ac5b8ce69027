// SPDX-License-Identifier: Apache-2.0
// Evidence where no systemd runs the site: of one socket, or of a server that is found
// by its control socket.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/doctor/gather.h"
#include "cli/live/control_client.h"
#include "cli/live/control_finder.h"

namespace monodon::cli {
namespace {

namespace fs = std::filesystem;

struct Server {
  std::string application, directory, config;
  std::vector<std::string> listeners;
};

std::optional<Server> introduce(const std::string& control_socket) {
  const auto answer =
      ask(control_socket, R"({"op":"status"})", std::chrono::seconds{5});
  if (!answer) return std::nullopt;
  const auto json = nlohmann::json::parse(answer.value().line, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto text = [](const nlohmann::json& of, const char* key) {
    const auto found = of.find(key);
    return found != of.end() && found->is_string() ? found->get<std::string>() : "";
  };
  Server server{
      text(json, "application"), text(json, "directory"), text(json, "config"), {}};
  if (const auto all = json.find("listeners"); all != json.end() && all->is_array())
    for (const auto& one : *all)
      if (one.is_object()) server.listeners.push_back(text(one, "address"));
  return server;
}

void read_settings(Evidence& e, const std::string& config_file,
                   const std::optional<Server>& server) {
  master::CommandLine line;
  line.config_file = config_file;
  line.start_directory = server ? server->directory : fs::current_path().string();
  // Named on the command line of the server, maybe.
  if (server && config_file.empty())
    line.arguments.push_back({"application", {server->application}, "the server's"});
  master::ConfigResult result = master::load_config(line);
  if (!result.config && server && line.arguments.empty()) {
    line.arguments.push_back({"application", {server->application}, "the server's"});
    result = master::load_config(line);
  }
  e.settings_problems = result.problems;
  if (!result.config) return;
  e.settings = result.config->settings;
  e.settings_warnings = result.config->warnings;
}

void choose_listener(Evidence& e, const std::vector<std::string>& addresses) {
  for (const std::string& address : addresses) {
    if (address.starts_with("unix:/") && e.listen.empty()) e.listen = address.substr(5);
    const bool ip = !address.starts_with("unix:") && !address.starts_with("fd:");
    if (ip && e.tcp_listen.empty()) e.tcp_listen = address;
  }
  if (!e.listen.empty()) e.tcp_listen.clear();
}

}  // namespace

Evidence gather_socket(const std::string& path, const std::string& user) {
  Evidence e;
  e.run_by = RunBy::hand;
  e.listen = path.starts_with("unix:") ? path.substr(5) : path;
  if (!e.listen.starts_with('/')) e.listen = fs::absolute(e.listen).string();
  e.site = e.listen;
  look_at_nginx(e, "");
  if (!user.empty()) e.nginx = find_account(user);
  look_at_the_machine(e);
  e.probe = ask_socket(e.listen, host_for(e));
  return e;
}

Result<Evidence> gather_server(const std::string& site,
                               const std::string& config_file) {
  Evidence e;
  e.run_by = RunBy::hand;
  ControlOptions options;
  options.config_file = config_file;
  options.site = site;
  const auto socket = find_control_socket(options);
  std::optional<Server> server;
  if (socket) server = introduce(socket.value());
  if (!server && config_file.empty())
    return socket ? Error{socket.value() + ": no server answers there"}
                  : socket.error();
  if (!server)
    e.silent =
        fmt::format("no server of this user that has read {} answers", config_file);
  read_settings(e, server && !server->config.empty() ? server->config : config_file,
                server);
  e.site = !site.empty() ? site : server ? server->application : config_file;
  choose_listener(e, server       ? server->listeners
                     : e.settings ? e.settings->bind
                                  : std::vector<std::string>{});
  look_at_nginx(e, "");
  look_at_the_machine(e);
  look_at_application(e, "");
  look_at_files(e);
  if (!e.listen.empty() || !e.tcp_listen.empty())
    e.probe = ask_socket(e.listen.empty() ? e.tcp_listen : e.listen, host_for(e));
  if (server) e.preload = ask_for_preload(socket.value());
  if (e.settings && e.settings->metrics_bind != "off")
    e.metrics.address = e.settings->metrics_bind;
  for (const NginxRoute& route : e.routes)
    e.metrics.routed |= "unix:" + route.socket == e.metrics.address;
  return e;
}

}  // namespace monodon::cli
