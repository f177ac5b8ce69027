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
// first (gather.h); each check is then a pure function of it.

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

// What a unit names, and what is not there.
struct AbsentPath {
  std::string directive;  // "EnvironmentFile"
  std::string path;
};

// A directory that something is written to, on a file system that has no room.
struct FullPlace {
  std::string what;  // "error_log"
  std::string path;
  bool of_inodes = false;  // no more files, though there are bytes
};

// Where large bodies can go, in the order in which the server tries it.
struct SpoolSight {
  std::vector<std::string> refused;  // before the first that is good
  std::string used;                  // ""; none on a disk: memory
};

// Another socket unit on the path of ours, and what it starts.
struct Rival {
  std::string socket, service;
};

// The listener for metrics.
struct MetricsSight {
  std::string
      address;  // as of metrics_bind, or "unix:/path" of its socket unit; "": off
  std::string holder;   // another that listens there: "shop.service (python3, pid 7)"
  bool routed = false;  // a Unix socket: nginx passes something to it
};

// How the site is run, which says what to look at and what a remedy can be.
enum class RunBy : std::uint8_t {
  system,  // units of the machine's systemd
  user,    // units of a user's: systemctl --user
  hand,    // no systemd: a container, a terminal, another supervisor
};

struct Evidence {
  std::string site;
  RunBy run_by = RunBy::system;
  bool live = true;                       // false: a tree of files, nothing runs
  std::string service_name, socket_name;  // "site.service"; the socket unit or ""
  Properties service, socket;
  std::string listen;           // path of the Unix socket; "" = none
  std::string tcp_listen;       // "host:port", where there is no such path
  std::string silent;           // why no server could be asked; only by hand
  bool proxy_known = true;      // whether SocketUser= names a user of this machine
  std::vector<PathStep> steps;  // from / to the socket
  unsigned listeners = 0;       // sockets that listen under that path
  std::optional<Probe> probe;
  std::optional<master::Settings> settings;
  std::vector<std::string> settings_problems, settings_warnings;
  std::vector<Rival> rivals;
  bool user_known = true;  // whether User= and Group= of the service exist
  std::vector<std::string> waiting_sockets;  // enabled; not started, the service runs
  std::vector<AbsentPath> absent;            // by the service's unit
  std::vector<std::string> ignored_lines;    // of environment files: "FILE:3: export X"
  std::string last_words;  // of a service that failed: its log's, or systemd's about it
  std::vector<FullPlace> full;
  std::optional<SpoolSight> spool;
  MetricsSight metrics;
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

// A note is worth knowing, and is no fault.
enum class Weight : std::uint8_t { note, warning, error };

struct Finding {
  std::string what;              // in this very case
  std::string remedy;            // what to do, a command where one is enough
  std::optional<Weight> weight;  // in this very case; else that of the check

  Finding(std::string what_is, std::string to_do, std::optional<Weight> as = {})
      : what{std::move(what_is)}, remedy{std::move(to_do)}, weight{as} {}
};

// A cause is told before what comes of it.
enum class Kind : std::uint8_t { cause, effect };

struct Check {
  std::string_view id;  // "socket-missing"; stable, docs/troubleshooting.md has them
  Weight weight = Weight::warning;
  std::string_view looks_for;
  std::optional<Finding> (*find)(const Evidence&) = nullptr;
  Kind kind = Kind::cause;
};

[[nodiscard]] std::span<const Check> start_checks();
[[nodiscard]] std::span<const Check> unit_checks();
[[nodiscard]] std::span<const Check> socket_checks();
[[nodiscard]] std::span<const Check> file_checks();
[[nodiscard]] std::span<const Check> nginx_checks();
[[nodiscard]] std::span<const Check> machine_checks();
[[nodiscard]] std::span<const Check> control_checks();
[[nodiscard]] std::span<const Check> application_checks();

struct Diagnosis {
  const Check* check = nullptr;
  Finding finding;

  [[nodiscard]] Weight weight() const { return finding.weight.value_or(check->weight); }
};

// Every check there is, in the order of the chain from the units to the application.
[[nodiscard]] std::vector<const Check*> all_checks();

// Every check on the evidence. Errors come first, and of those the causes; then
// warnings, then notes; among equals in the order of the chain. Pure.
[[nodiscard]] std::vector<Diagnosis> diagnose(const Evidence& evidence);

// 0: nothing found, or notes; 1: warnings; 2: at least one error.
[[nodiscard]] int exit_status(const std::vector<Diagnosis>& found);

// For people, and one JSON object with a newline. Pure.
[[nodiscard]] std::string doctor_text(const Evidence& evidence,
                                      const std::vector<Diagnosis>& found);
[[nodiscard]] std::string doctor_json(const Evidence& evidence,
                                      const std::vector<Diagnosis>& found);

// --- of use to several checks -----------------------------------------------------

// Whether Django would answer a request for that name, by its ALLOWED_HOSTS.
[[nodiscard]] bool allows_host(const SiteFacts& facts, const std::string& host);

// Whether systemd has loaded the unit.
[[nodiscard]] bool is_loaded(const Properties& unit);

// What makes the socket anew, and nobody's connection is lost that could be kept.
[[nodiscard]] std::string restart_command(const Evidence& evidence);

// Where the server says what went wrong: a command, or a file.
[[nodiscard]] std::string place_of_log(const Evidence& evidence);

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
