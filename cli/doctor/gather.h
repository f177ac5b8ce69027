// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/doctor/diagnosis.h"
#include "cli/site/unit_file.h"
#include "master/config/load.h"

namespace monodon::cli {

// Reads what the checks look at. Changes nothing, but for the one request to the
// socket, which starts a service that waits for its first.

// Units of systemd: of the running one, of a user's own (systemctl --user), or (root
// not
// "") of the files in a tree.
class Units {
 public:
  explicit Units(std::string root, bool user = false)
      : root_{std::move(root)}, user_{user} {}

  [[nodiscard]] bool of_user() const { return user_; }

  // What systemctl show says of the unit; of a tree, as much as its files say.
  [[nodiscard]] Properties show(const std::string& unit) const;
  // Services that run us.
  [[nodiscard]] std::vector<std::string> our_services() const;
  // Socket units that listen on `path`.
  [[nodiscard]] std::vector<std::string> sockets_on(const std::string& path) const;

 private:
  // Every unit of a kind (".socket"), with what is asked about all of them.
  [[nodiscard]] std::vector<Properties> all(const char* kind) const;

  // The words of a command about units, "systemctl" first.
  [[nodiscard]] std::vector<std::string> systemctl(
      std::vector<std::string> words) const;

  std::string root_;
  bool user_;
};

// Whether this machine is run by systemd.
[[nodiscard]] bool has_systemd();

// "KEY=value" lines of one unit. Pure.
[[nodiscard]] Properties parse_show(std::string_view text);
// The same from a unit file. Pure.
[[nodiscard]] Properties unit_properties(const UnitFile& unit, const std::string& name);
// The command line in a value of ExecStart, as systemctl or a unit file has it. Pure.
[[nodiscard]] std::vector<std::string> exec_words(const std::string& value);

// Each directory from / to the file, and the file.
[[nodiscard]] std::vector<PathStep> path_steps(const std::string& path);
// How many sockets listen under `path`, by the text of /proc/net/unix. Pure.
[[nodiscard]] unsigned count_listeners(std::string_view proc_net_unix,
                                       std::string_view path);
[[nodiscard]] Account find_account(const std::string& name);
// Whether the unit keeps its service from writing to `path` (ProtectSystem= and its
// kin, systemd.exec(5)). Pure.
[[nodiscard]] bool is_read_only(const Properties& service, const std::string& path);
// Whether one of the unit's own directories (StateDirectory= and its kin) has the path:
// systemd makes it, and gives it to whoever runs the service. Pure.
[[nodiscard]] bool is_given(const Properties& service, const std::string& path);
// Whether this machine has both; "" counts as one it has.
[[nodiscard]] bool is_known(const std::string& user, const std::string& group);
// Which of its files the service's user can use.
void look_at_files(Evidence& evidence);
// One request, as the proxy would make it; waits at most 30 s. `address`: a path, or a
// number of IP with its port.
[[nodiscard]] Probe ask_socket(const std::string& address, const std::string& host);

// nginx's configuration, by itself or (in a tree, or without root's rights) by its
// files.
void look_at_nginx(Evidence& evidence, const std::string& root);
// Listeners and the way to them, the kernel's limits, denials.
void look_at_the_machine(Evidence& evidence);
// What the code says about itself.
void look_at_application(Evidence& evidence, const std::string& root);
// Why a service does not start: what its unit names and is not there, what its
// environment files have in vain, what was said last.
void look_at_start(Evidence& evidence, const Units& units);
// Sockets beside that of the site, and who has the address for metrics.
void look_at_control(Evidence& evidence, const Units& units);
// The settings of a unit's ExecStart=; problems where they cannot be read.
[[nodiscard]] master::ConfigResult settings_of(const Properties& service,
                                               const std::string& root);
// The inode of the socket that listens at an address of IPv4, by the text of
// /proc/net/tcp; "" for none. Pure.
[[nodiscard]] std::string listening_inode(std::string_view proc_net_tcp,
                                          const std::string& address);
// A name that the application takes for its own.
[[nodiscard]] std::string host_for(const Evidence& evidence);
// Lines of the text of an environment file that systemd ignores, "3: export KEY":
// without what they would have set. Pure.
[[nodiscard]] std::vector<std::string> ignored_lines(std::string_view text);
// The last line in which systemd or the server says why it did not start. Pure.
[[nodiscard]] std::string last_words_in(std::string_view journal);
[[nodiscard]] std::string read_file(const std::string& path);

// How the workers of the server that listens for orders there got the application;
// nothing where none answers.
[[nodiscard]] std::optional<ServerStatus::Preload> ask_for_preload(
    const std::string& control_socket);

// `site`: its name, or that of its service.
[[nodiscard]] Evidence gather(const std::string& site, const Units& units,
                              const std::string& root);
// One socket, and who connects to it: by default whom nginx runs as.
[[nodiscard]] Evidence gather_socket(const std::string& path, const std::string& user);
// A server that no systemd runs: the one that was started with `config_file`, or ("")
// the one that is found. An Error: there is none, or several, and no file says which.
[[nodiscard]] Result<Evidence> gather_server(const std::string& site,
                                             const std::string& config_file);

}  // namespace monodon::cli
