// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor/diagnosis.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <set>

#include "cli/doctor/gather.h"
#include "master/config/table.h"

using namespace monodon;
using namespace monodon::cli;

namespace {

PathStep directory(const std::string& path) {
  return {path, true, false, 0755, 0, 0, "root:root"};
}

// A site where all is well.
Evidence healthy() {
  Evidence e;
  e.site = "shop";
  e.service_name = "shop.service";
  e.socket_name = "shop.socket";
  e.listen = "/run/shop/http.sock";
  e.service = {{"LoadState", "loaded"},
               {"ActiveState", "active"},
               {"Requires", "shop.socket"},
               {"After", "sysinit.target shop.socket"},
               {"Type", "notify"},
               {"KillMode", "process"},
               {"TimeoutStopUSec", "45s"},
               {"TimeoutStartUSec", "1min 30s"},
               {"OOMPolicy", "continue"},
               {"RuntimeDirectory", "monodon-shop"},
               {"LimitNOFILE", "65536"},
               {"TasksMax", "512"},
               {"ExecReload", "/usr/bin/monodon reload"},
               {"ExecStart", "/usr/bin/monodon serve"}};
  e.socket = {{"LoadState", "loaded"},      {"ActiveState", "active"},
              {"UnitFileState", "enabled"}, {"Triggers", "shop.service"},
              {"SocketUser", "www-data"},   {"Backlog", "4096"},
              {"RuntimeDirectory", "shop"}};
  e.steps = {directory("/"),
             directory("/run"),
             directory("/run/shop"),
             {e.listen, true, true, 0660, 33, 33, "www-data:www-data"}};
  e.listeners = 1;
  e.probe = Probe{0, 200, 12, "monodon"};
  e.settings = master::default_settings();
  e.has_nginx = true;
  NginxRoute route;
  route.socket = e.listen;
  route.location = "/";
  route.server_names = {"shop.org"};
  route.proxy_host = "shop";
  route.body_size = "16m";
  route.keepalive = true;
  route.http_version = "1.1";
  route.read_timeout = "75s";
  route.fields = {{"host", "$host"},
                  {"connection", ""},
                  {"x-forwarded-for", "$proxy_add_x_forwarded_for"},
                  {"x-forwarded-proto", "$scheme"}};
  e.routes = {route};
  e.nginx = {"www-data", true, 33, {33}};
  e.somaxconn = 4096;
  SiteFacts facts;
  facts.django = true;
  facts.allowed_hosts = {".shop.org", "shop"};
  facts.secure_proxy_ssl_header = {"HTTP_X_FORWARDED_PROTO", "https"};
  e.facts = facts;
  return e;
}

std::set<std::string> ids(const Evidence& evidence) {
  std::set<std::string> all;
  for (const Diagnosis& one : diagnose(evidence)) all.emplace(one.check->id);
  return all;
}

using Plant = std::function<void(Evidence&)>;

Plant service(const std::string& key, const std::string& value) {
  return [=](Evidence& e) { e.service[key] = value; };
}
Plant socket_unit(const std::string& key, const std::string& value) {
  return [=](Evidence& e) { e.socket[key] = value; };
}
Plant route(std::function<void(NginxRoute&)> change) {
  return [=](Evidence& e) { change(e.routes[0]); };
}
Plant without(const std::string& field) {
  return route([=](NginxRoute& r) { r.fields.erase(field); });
}
Plant facts(std::function<void(SiteFacts&)> change) {
  return [=](Evidence& e) { change(*e.facts); };
}

// Each finding, made by what causes it.
const std::multimap<std::string, Plant> kPlants = {
    {"socket-unit-missing", [](Evidence& e) { e.socket.clear(); }},
    {"socket-not-enabled", socket_unit("UnitFileState", "disabled")},
    {"socket-not-active", socket_unit("ActiveState", "inactive")},
    {"proxy-user-unknown", [](Evidence& e) { e.proxy_known = false; }},
    {"service-failed", service("ActiveState", "failed")},
    {"runtime-directory-shared", service("RuntimeDirectory", "monodon-shop shop")},
    {"requires-missing", service("Requires", "sysinit.target")},
    {"after-missing", service("After", "sysinit.target")},
    {"same-path-twice", socket_unit("Triggers", "old.service")},
    {"same-path-twice",
     [](Evidence& e) {
       e.rivals = {{"gunicorn.socket", "gunicorn.service"}};
     }},
    {"unit-masked",
     [](Evidence& e) {
       e.service = {{"LoadState", "masked"}};
     }},
    {"unit-masked", socket_unit("LoadState", "masked")},
    {"unit-not-loaded", socket_unit("LoadState", "bad-setting")},
    {"unit-path-missing",
     [](Evidence& e) {
       e.absent = {{"ExecStart", "/opt/x/monodon"}, {"EnvironmentFile", "/etc/x"}};
     }},
    {"environment-ignored",
     [](Evidence& e) { e.ignored_lines = {"/etc/x:3: export A"}; }},
    {"socket-accept", socket_unit("Accept", "yes")},
    {"socket-kind", socket_unit("Listen", "/run/shop/http.sock (Datagram)")},
    {"socket-kind", socket_unit("FileDescriptorName", "metrics")},
    {"backlog-short", socket_unit("Backlog", "1")},
    {"disk-full",
     [](Evidence& e) {
       e.full = {{"error_log", "/var/log", false}};
     }},
    {"spool-elsewhere",
     [](Evidence& e) {
       e.spool = SpoolSight{{"/var/tmp"}, "/tmp"};
     }},
    {"spool-elsewhere",
     [](Evidence& e) {
       e.spool = SpoolSight{{"/var/tmp", "/tmp"}, ""};
     }},
    {"reload-blind", service("ExecReload", "/bin/kill -HUP $MAINPID")},
    {"reload-blind", service("ExecReload", "")},
    {"no-control-socket", service("RuntimeDirectory", "")},
    {"socket-waits",
     [](Evidence& e) { e.waiting_sockets = {"monodon-metrics@a.socket"}; }},
    {"metrics-taken",
     [](Evidence& e) {
       e.metrics = {"127.0.0.1:9117", "other.service (python3, pid 7)", false};
     }},
    {"metrics-unix",
     [](Evidence& e) {
       e.metrics = {"unix:/run/m.sock", "", false};
     }},
    {"nginx-body-size-unset", route([](NginxRoute& r) { r.body_size.clear(); })},
    {"django-logging", facts([](SiteFacts& f) { f.logs_errors = false; })},
    {"server-silent", [](Evidence& e) { e.silent = "nobody answers"; }},
    {"server-silent", [](Evidence& e) { e.silent = "nobody", e.probe.reset(); }},
    {"socket-left-over",
     [](Evidence& e) {
       e.probe = Probe{ECONNREFUSED, 0, 0, ""};
     }},
    {"no-answer",
     [](Evidence& e) {
       e.listen.clear(), e.steps.clear(), e.routes.clear();
       e.tcp_listen = "127.0.0.1:8000", e.probe = Probe{ECONNREFUSED, 0, 0, ""};
     }},
    {"service-failed",
     [](Evidence& e) {
       e.service["ActiveState"] = "activating", e.service["NRestarts"] = "3";
     }},
    {"start-limit", service("StartLimitIntervalUSec", "10s")},
    {"trigger-limit", [](Evidence& e) { e.socket["Result"] = "trigger-limit-hit"; }},
    {"user-unknown", [](Evidence& e) { e.user_known = false; }},
    {"user-cannot-read",
     [](Evidence& e) {
       e.uses = {{"interpreter", "/srv/x", false, false, false}};
     }},
    {"user-cannot-write",
     [](Evidence& e) {
       e.uses = {{"access_log", "/srv/x", true, false, false}};
     }},
    {"user-cannot-write",
     [](Evidence& e) {
       e.uses = {{"access_log", "/srv/x", true, true, true}};
     }},
    {"kill-mode", service("KillMode", "control-group")},
    {"kill-mode", service("KillMode", "mixed")},
    {"kill-mode", service("KillMode", "none")},
    {"start-timeout-short", service("TimeoutStartUSec", "45s")},
    {"not-notify", service("Type", "simple")},
    {"another-program", service("ExecStart", "/srv/shop/.venv/bin/gunicorn a:b")},
    {"needs-daemon-reload", service("NeedDaemonReload", "yes")},
    {"oom-stops-all", service("OOMPolicy", "stop")},
    {"not-a-socket",
     [](Evidence& e) { e.steps.back().is_socket = false, e.steps.back().mode = 0600; }},
    {"socket-left-over", [](Evidence& e) { e.listeners = 0; }},
    {"socket-bound-twice", [](Evidence& e) { e.listeners = 2; }},
    {"nginx-cannot-connect", [](Evidence& e) { e.steps[3].uid = e.steps[3].gid = 7; }},
    {"nginx-cannot-connect", [](Evidence& e) { e.steps[3].mode = 0440; }},
    {"nginx-cannot-connect", [](Evidence& e) { e.steps[2].mode = 0750; }},
    {"open-to-all", [](Evidence& e) { e.steps[3].mode = 0666; }},
    {"no-answer",
     [](Evidence& e) {
       e.probe = Probe{ETIMEDOUT, 0, 30'000, ""};
     }},
    {"no-answer",
     [](Evidence& e) {
       e.probe = Probe{ECONNRESET, 0, 3, ""};
     }},
    {"answers-with-error", [](Evidence& e) { e.probe->status = 502; }},
    {"another-server", [](Evidence& e) { e.probe->server = "gunicorn"; }},
    {"answers-slowly", [](Evidence& e) { e.probe->milliseconds = 3000; }},
    {"nginx-broken", [](Evidence& e) { e.nginx_error = "unknown directive"; }},
    {"nginx-not-running", [](Evidence& e) { e.nginx_runs = false; }},
    {"nginx-no-route", route([](NginxRoute& r) { r.socket = "/run/other.sock"; })},
    {"nginx-keepalive-unused", route([](NginxRoute& r) { r.http_version = ""; })},
    {"nginx-keepalive-unused", without("connection")},
    {"nginx-keepalive-too-long",
     route([](NginxRoute& r) { r.keepalive_timeout = "80s"; })},
    {"nginx-host", without("host")},
    {"nginx-http-host", route([](NginxRoute& r) { r.fields["host"] = "$http_host"; })},
    {"nginx-script-name",
     [](Evidence& e) { e.settings->worker.forwarder_headers = {"Script_Name"}; }},
    {"nginx-script-name-dropped",
     route([](NginxRoute& r) { r.fields["script_name"] = "/app"; })},
    {"nginx-forwarded-for", without("x-forwarded-for")},
    {"nginx-read-timeout", route([](NginxRoute& r) { r.read_timeout = "20s"; })},
    {"nginx-body-size", route([](NginxRoute& r) { r.body_size = "2g"; })},
    {"backlog-capped", [](Evidence& e) { e.somaxconn = 128; }},
    {"few-descriptors", service("LimitNOFILE", "256")},
    {"few-tasks", service("TasksMax", "8")},
    {"denied", [](Evidence& e) { e.denials = {"avc:  denied  { connectto } nginx"}; }},
    {"settings-broken", [](Evidence& e) { e.settings_problems = {"a.yaml:1:1: no"}; }},
    {"settings-doubtful", [](Evidence& e) { e.settings_warnings = {"keepalive"}; }},
    {"django-unreadable", facts([](SiteFacts& f) { f.error = "KeyError: 'SECRET'"; })},
    {"django-proxy-header",
     facts([](SiteFacts& f) { f.secure_proxy_ssl_header[0] = "HTTP_X_SSL"; })},
    {"django-no-allowed-hosts", facts([](SiteFacts& f) { f.allowed_hosts.clear(); })},
    {"django-host-not-allowed",
     facts([](SiteFacts& f) { f.allowed_hosts = {"x.org"}; })},
    {"django-debug", facts([](SiteFacts& f) { f.debug = true; })},
};

}  // namespace

TEST_CASE("a healthy site has no finding", "[doctor]") {
  CHECK(ids(healthy()).empty());
  CHECK(exit_status(diagnose(healthy())) == 0);
  CHECK(doctor_text(healthy(), {}) == "shop: nothing found\n");
}

TEST_CASE("how workers get the application is told, and is no finding", "[doctor]") {
  Evidence e = healthy();
  CHECK(doctor_json(e, {}).find("\"preload\":null") != std::string::npos);
  e.preload = ServerStatus::Preload{"auto", true, {}};
  CHECK(diagnose(e).empty());
  CHECK(doctor_text(e, {}) ==
        "shop: nothing found\nshop: workers share one import of the application\n");
  e.preload = ServerStatus::Preload{"auto", false, {"thread 'mailer'", "lock on /x"}};
  CHECK(
      doctor_text(e, {}) ==
      "shop: nothing found\nshop: each worker imports the application by itself, since "
      "its import leaves thread 'mailer'; lock on /x, so no old code is in memory: a "
      "worker that is replaced runs what is on the disk\n");
  CHECK(doctor_json(e, {}).find("\"shared\":false") != std::string::npos);
  CHECK_FALSE(ask_for_preload("/nowhere/control.sock"));
}

TEST_CASE("each fault is found, and nothing else with it", "[doctor]") {
  for (const auto& [id, plant] : kPlants) {
    Evidence e = healthy();
    plant(e);
    INFO(id);
    CHECK(ids(e) == std::set<std::string>{id});
    const std::vector<Diagnosis> found = diagnose(e);
    const Weight weight = found.at(0).weight();
    CHECK(exit_status(found) == (weight == Weight::error     ? 2
                                 : weight == Weight::warning ? 1
                                                             : 0));
    CHECK_FALSE(found[0].finding.what.empty());
    CHECK_FALSE(found[0].finding.remedy.empty());
    CHECK(doctor_json(e, found).find("\"id\":\"" + id + "\"") != std::string::npos);
  }
}

TEST_CASE("a fault that hides others, or brings them, is found too", "[doctor]") {
  Evidence e = healthy();
  e.service = {{"LoadState", "not-found"}};
  CHECK(ids(e).count("service-missing") == 1);
  e = healthy();
  e.steps[2].exists = e.steps[3].exists = e.steps[3].is_socket = false;
  e.listeners = 0;
  e.probe = Probe{ENOENT, 0, 0, ""};
  CHECK(ids(e) == std::set<std::string>{"socket-missing"});
  CHECK(diagnose(e)[0].finding.what.starts_with("/run/shop is not there"));
  e = healthy();
  e.service["ActiveState"] = "inactive", e.probe->milliseconds = 3000;
  CHECK(ids(e).empty());
  e = healthy();
  e.routes[0].fields.erase("x-forwarded-proto");
  CHECK(ids(e) ==
        std::set<std::string>{"nginx-forwarded-proto", "django-proxy-header"});
}

TEST_CASE("time to stop counts where the server cannot ask for more", "[doctor]") {
  Evidence e = healthy();
  e.service["TimeoutStopUSec"] = "5s";
  CHECK(ids(e).empty());
  e.service["Type"] = "exec";
  CHECK(ids(e) == std::set<std::string>{"not-notify", "stop-timeout-short"});
}

TEST_CASE("causes come before what follows from them, and notes last", "[doctor]") {
  Evidence e = healthy();
  e.service["ActiveState"] = "failed", e.service["Result"] = "exit-code";
  e.service["StartLimitIntervalUSec"] = "10s";
  e.service["StatusText"] = "cannot start: ImportError: no vault";
  e.socket["ActiveState"] = "failed", e.socket["Result"] = "service-start-limit-hit";
  e.settings_problems = {"a.yaml:1:1: no"};
  e.service["KillMode"] = "mixed", e.routes[0].body_size.clear();
  std::vector<std::string_view> order;
  for (const Diagnosis& one : diagnose(e)) order.push_back(one.check->id);
  CHECK(order == std::vector<std::string_view>{"start-limit", "settings-broken",
                                               "service-failed", "socket-not-active",
                                               "kill-mode", "nginx-body-size-unset"});
  CHECK(diagnose(e)[2].finding.what.find("ImportError: no vault") != std::string::npos);
  CHECK(exit_status(diagnose(e)) == 2);
}

TEST_CASE("a note is printed beside nothing found", "[doctor]") {
  Evidence e = healthy();
  e.routes[0].body_size.clear();
  CHECK(doctor_text(e, diagnose(e))
            .starts_with("shop: nothing found\nshop: note (nginx-body-size-unset): "));
}

TEST_CASE("a Host that Django answers to nobody is an error", "[doctor]") {
  Evidence e = healthy();
  e.routes[0].fields.erase("host");
  CHECK(exit_status(diagnose(e)) == 1);
  e.facts->allowed_hosts = {".shop.org"};
  CHECK(exit_status(diagnose(e)) == 2);
}

TEST_CASE("one remedy lists every directory that is to be written", "[doctor]") {
  Evidence e = healthy();
  e.uses = {{"access_log", "/srv/x/logs", true, true, true},
            {"the database's directory", "/srv/x/data", true, true, true},
            {"the database", "/srv/x/data/db.sqlite3", true, true, true}};
  CHECK(diagnose(e).at(0).finding.remedy ==
        "in [Service] of shop.service: ReadWritePaths=/srv/x/logs /srv/x/data; then "
        "systemctl daemon-reload && systemctl restart shop.service");
}

TEST_CASE("remedies for a user's own units name the user's manager", "[doctor]") {
  Evidence e = healthy();
  e.run_by = RunBy::user;
  e.service["KillMode"] = "mixed";
  CHECK(diagnose(e).at(0).finding.remedy.find("systemctl --user daemon-reload") !=
        std::string::npos);
  e = healthy();
  e.run_by = RunBy::user, e.routes.clear(), e.steps[2].mode = 0700;
  CHECK(ids(e).empty());
}

TEST_CASE("units in a tree say whom they keep from the socket", "[doctor]") {
  Evidence e = healthy();
  e.live = false, e.steps.clear(), e.probe.reset();
  CHECK(ids(e).empty());
  e.socket["SocketUser"] = "mysite", e.socket["SocketMode"] = "0600";
  CHECK(ids(e) == std::set<std::string>{"nginx-cannot-connect"});
  e.socket["SocketGroup"] = "www-data", e.socket["SocketMode"] = "0660";
  CHECK(ids(e).empty());
  e.socket["DirectoryMode"] = "0750";
  CHECK(ids(e) == std::set<std::string>{"nginx-cannot-connect"});
}

TEST_CASE("every check has a fault that the tests make, and a place in the manual",
          "[doctor]") {
  std::ifstream file{MONODON_SOURCE_ROOT "/docs/troubleshooting.md"};
  const std::string manual{std::istreambuf_iterator<char>{file}, {}};
  const std::set<std::string> elsewhere{"service-missing", "socket-missing",
                                        "nginx-forwarded-proto", "stop-timeout-short"};
  std::set<std::string> seen;
  for (const Check* check : all_checks()) {
    const std::string id{check->id};
    INFO(id);
    CHECK(seen.insert(id).second);
    CHECK(manual.find("`" + id + "`") != std::string::npos);
    CHECK((kPlants.count(id) != 0 || elsewhere.count(id) != 0));
  }
}
