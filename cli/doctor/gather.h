// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/doctor/diagnosis.h"
#include "cli/site/unit_file.h"

namespace monodon::cli {

// Reads what the checks look at. Changes nothing, but for the one request to the
// socket, which starts a service that waits for its first.

// Units of systemd: of the running one, or (root not "") of the files in a tree.
class Units {
 public:
  explicit Units(std::string root) : root_{std::move(root)} {}

  // What systemctl show says of the unit; of a tree, as much as its files say.
  [[nodiscard]] Properties show(const std::string& unit) const;
  // Services that run us.
  [[nodiscard]] std::vector<std::string> our_services() const;
  // Socket units that listen on `path`.
  [[nodiscard]] std::vector<std::string> sockets_on(const std::string& path) const;

 private:
  // Every unit of a kind (".socket"), with what is asked about all of them.
  [[nodiscard]] std::vector<Properties> all(const char* kind) const;

  std::string root_;
};

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
// Whether this machine has both; "" counts as one it has.
[[nodiscard]] bool is_known(const std::string& user, const std::string& group);
// Which of its files the service's user can use.
void look_at_files(Evidence& evidence);
// One request, as the proxy would make it; waits at most 30 s.
[[nodiscard]] Probe ask_socket(const std::string& path, const std::string& host);

// How the workers of the server that listens for orders there got the application;
// nothing where none answers.
[[nodiscard]] std::optional<ServerStatus::Preload> ask_for_preload(
    const std::string& control_socket);

// `site`: its name, or that of its service.
[[nodiscard]] Evidence gather(const std::string& site, const std::string& root);

}  // namespace monodon::cli
