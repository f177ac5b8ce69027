// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor/diagnosis.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <set>

#include "base/unique_fd.h"
#include "base/unix_address.h"
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
  facts.allowed_hosts = {".shop.org"};
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
    {"same-path-twice", [](Evidence& e) { e.rivals = {"gunicorn.socket"}; }},
    {"service-failed",
     [](Evidence& e) {
       e.service["ActiveState"] = "activating", e.service["NRestarts"] = "3";
     }},
    {"start-limit", service("StartLimitIntervalUSec", "10s")},
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
    {"stop-timeout-short", service("TimeoutStopUSec", "5s")},
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
    CHECK(exit_status(found) == (found.at(0).check->weight == Weight::error ? 2 : 1));
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

TEST_CASE("every check has a fault that the tests make, and a place in the manual",
          "[doctor]") {
  std::ifstream file{MONODON_SOURCE_ROOT "/docs/troubleshooting.md"};
  const std::string manual{std::istreambuf_iterator<char>{file}, {}};
  const std::set<std::string> elsewhere{"service-missing", "socket-missing",
                                        "nginx-forwarded-proto"};
  std::set<std::string> seen;
  for (const auto checks : {unit_checks(), socket_checks(), file_checks(),
                            nginx_checks(), machine_checks(), application_checks()}) {
    for (const Check& check : checks) {
      const std::string id{check.id};
      INFO(id);
      CHECK(seen.insert(id).second);
      CHECK(manual.find("`" + id + "`") != std::string::npos);
      CHECK((kPlants.count(id) != 0 || elsewhere.count(id) != 0));
    }
  }
}

TEST_CASE("a time span of systemd is read in each of its forms", "[doctor]") {
  CHECK(systemd_span("1min 30s") == 90'000);
  CHECK(systemd_span("45") == 45'000);
  CHECK(systemd_span("500ms") == 500);
  CHECK(systemd_span("30sec") == 30'000);
  CHECK_FALSE(systemd_span("infinity"));
  CHECK_FALSE(systemd_span(""));
}

TEST_CASE("what systemctl shows and what a unit file says become the same",
          "[doctor]") {
  const Properties shown =
      parse_show("Type=notify\nListen=/run/a.sock (Stream)\n\nX\n");
  CHECK(property(shown, "Type") == "notify");
  CHECK(property(shown, "Listen") == "/run/a.sock (Stream)");
  const Properties socket = unit_properties(
      UnitFile{"[Socket]\nListenStream=/run/a.sock\nBacklog=9\n"}, "a.socket");
  CHECK(property(socket, "Listen") == "/run/a.sock");
  CHECK(property(socket, "Triggers") == "a.service");
  CHECK(exec_words("{ path=/x ; argv[]=/x serve a:b ; ignore_errors=no }") ==
        std::vector<std::string>{"/x", "serve", "a:b"});
  CHECK(exec_words("-/x serve 'a b'") ==
        std::vector<std::string>{"/x", "serve", "a b"});
}

TEST_CASE("the way to a socket is looked at step by step", "[doctor]") {
  namespace fs = std::filesystem;
  std::string name = fs::temp_directory_path() / "monodon-doctor-XXXXXX";
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  const std::string path = name + "/a.sock";
  const UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const auto address = UnixAddress::of_path(path).value();
  REQUIRE(::bind(fd.get(), address.data(), address.size()) == 0);
  CHECK(ask_socket(path, "x").error == ECONNREFUSED);
  CHECK(ask_socket(path + "x", "x").error == ENOENT);
  ::chmod(path.c_str(), 0640);
  const std::vector<PathStep> steps = path_steps(path);
  CHECK(steps.front().path == "/");
  CHECK(steps.back().is_socket);
  CHECK(steps.back().mode == 0640);
  CHECK(steps[steps.size() - 2].path == name);
  CHECK_FALSE(path_steps(path + "x").back().exists);
  const Account stranger{"stranger", true, 54321, {54321}};
  REQUIRE(closed_to(stranger, steps) != nullptr);
  CHECK(closed_to(stranger, steps)->path == name);  // mkdtemp: 0700
  CHECK(closed_to({"root", true, 0, {0}}, steps) == nullptr);
  fs::remove_all(name);
}

TEST_CASE("only sockets that listen under the very path count", "[doctor]") {
  constexpr const char* kText =
      "Num       RefCount Protocol Flags    Type St Inode Path\n"
      "0000: 00000002 00000000 00010000 0001 01 1 /run/a.sock\n"
      "0000: 00000003 00000000 00000000 0001 03 2 /run/a.sock\n"
      "0000: 00000002 00000000 00010000 0001 01 3 /other/run/a.sock\n";
  CHECK(count_listeners(kText, "/run/a.sock") == 1);
  CHECK(count_listeners("", "/run/a.sock") == 0);
}

TEST_CASE("what a unit lets its service write is told from its options", "[doctor]") {
  const Properties strict = {{"ProtectSystem", "strict"},
                             {"PrivateTmp", "yes"},
                             {"ProtectHome", "yes"},
                             {"ReadWritePaths", "-/srv/shop/logs"},
                             {"StateDirectory", "monodon/shop"}};
  CHECK_FALSE(is_read_only(strict, "/srv/shop/logs/access.log"));
  CHECK(is_read_only(strict, "/srv/shop/logs2"));
  CHECK_FALSE(is_read_only(strict, "/var/lib/monodon/shop/db.sqlite3"));
  CHECK(is_read_only(strict, "/var/lib/monodon"));
  CHECK_FALSE(is_read_only(strict, "/tmp/x"));
  CHECK(is_read_only(strict, std::string{"/home"} + "/shop/media"));
  CHECK(is_read_only({{"ProtectSystem", "full"}}, "/etc/shop"));
  CHECK_FALSE(is_read_only({{"ProtectSystem", "full"}}, "/srv/shop"));
  CHECK(is_read_only({{"ReadOnlyPaths", "/srv"}}, "/srv/shop"));
  CHECK_FALSE(is_read_only({}, "/srv/shop"));
}
