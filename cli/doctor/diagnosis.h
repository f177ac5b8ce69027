// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/live/server_status.h"
#include "cli/site/nginx_config.h"
#include "cli/site/site_facts.h"
#include "master/config/settings.h"

namespace monodon::cli {

// What `monodon doctor` looks at and what it finds. All evidence of a site is gathered
// first (doctor_evidence.h); each check is then a pure function of it.

using Properties = std::map<std::string, std::string, std::less<>>;  // systemctl show

// A file on the way to the socket, the socket itself last.
struct PathStep {
  std::string path;
  bool exists = false;
  bool is_socket = false;
  mode_t mode = 0;  // the permission bits
  uid_t uid = 0;
  gid_t gid = 0;
  std::string owner;  // "user:group", for people
};

// What the service's user has to do with a file.
struct FileUse {
  std::string what;  // "access_log"
  std::string path;
  bool writes = false;     // or reads
  bool permitted = false;  // by owner, mode and access lists
  bool read_only = false;  // by the unit
};

struct Account {
  std::string name;
  bool exists = false;
  uid_t uid = 0;
  std::vector<gid_t> groups;  // its own first
};

// What came of asking the socket for "/".
struct Probe {
  int error = 0;  // errno of connect or read; 0 where there was an answer
  int status = 0;
  std::uint64_t milliseconds = 0;
  std::string server;  // what the Server field says
};

struct Evidence {
  std::string site;
  bool live = true;                       // false: a tree of files, nothing runs
  std::string service_name, socket_name;  // "site.service"; the socket unit or ""
  Properties service, socket;
  std::string listen;           // path of the Unix socket; "" = none
  bool proxy_known = true;      // whether SocketUser= names a user of this machine
  std::vector<PathStep> steps;  // from / to the socket
  unsigned listeners = 0;       // sockets that listen under that path
  std::optional<Probe> probe;
  std::optional<master::Settings> settings;
  std::vector<std::string> settings_problems, settings_warnings;
  std::vector<std::string> rivals;  // other socket units with that path
  bool user_known = true;           // whether User= and Group= of the service exist
  std::vector<FileUse> uses;
  std::string nginx_error;  // of nginx -T; "" = it was good, or there is no nginx
  bool has_nginx = false;
  bool nginx_runs = true;
  std::vector<NginxRoute> routes;
  Account nginx;
  std::uint64_t somaxconn = 0;       // 0: not known
  std::vector<std::string> denials;  // lines of SELinux or AppArmor
  std::optional<SiteFacts> facts;
  std::string facts_error;
  std::optional<ServerStatus::Preload> preload;  // of the running server
};

enum class Weight : std::uint8_t { warning, error };

struct Finding {
  std::string what;    // in this very case
  std::string remedy;  // what to do, a command where one is enough
};

struct Check {
  std::string_view id;  // "socket-missing"; stable, docs/troubleshooting.md has them
  Weight weight = Weight::warning;
  std::string_view looks_for;
  std::optional<Finding> (*find)(const Evidence&) = nullptr;
};

[[nodiscard]] std::span<const Check> unit_checks();
[[nodiscard]] std::span<const Check> socket_checks();
[[nodiscard]] std::span<const Check> file_checks();
[[nodiscard]] std::span<const Check> nginx_checks();
[[nodiscard]] std::span<const Check> machine_checks();
[[nodiscard]] std::span<const Check> application_checks();

struct Diagnosis {
  const Check* check = nullptr;
  Finding finding;
};

// Every check on the evidence, in the order of the chain. Pure.
[[nodiscard]] std::vector<Diagnosis> diagnose(const Evidence& evidence);

// 0: nothing found, 1: warnings, 2: at least one error.
[[nodiscard]] int exit_status(const std::vector<Diagnosis>& found);

// For people, and one JSON object with a newline. Pure.
[[nodiscard]] std::string doctor_text(const Evidence& evidence,
                                      const std::vector<Diagnosis>& found);
[[nodiscard]] std::string doctor_json(const Evidence& evidence,
                                      const std::vector<Diagnosis>& found);

// --- of use to several checks -----------------------------------------------------

// Whether the service does not run although something keeps starting it.
[[nodiscard]] bool keeps_failing(const Properties& service);

[[nodiscard]] std::string property(const Properties& of, std::string_view name);
[[nodiscard]] bool has_word(const std::string& list, std::string_view word);

// Milliseconds of a time span as systemd prints or reads it: "1min 30s", "45",
// "infinity" (nullopt as what is no time span).
[[nodiscard]] std::optional<std::uint64_t> systemd_span(std::string_view text);

// The first step that `account` cannot pass (a directory it may not enter, a socket it
// may not write to); nullptr for none. Root passes everywhere.
[[nodiscard]] const PathStep* closed_to(const Account& account,
                                        const std::vector<PathStep>& steps);

}  // namespace monodon::cli
