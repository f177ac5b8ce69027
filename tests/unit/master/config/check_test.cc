// SPDX-License-Identifier: Apache-2.0
#include "master/config/check.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <functional>

#include "master/config/check_host.h"
#include "master/config/table.h"

using namespace monodon;
using namespace monodon::master;

namespace {

Settings good() {
  Settings s = default_settings();
  s.worker.application = "site.wsgi:application";
  s.worker.directory = "/srv/site";
  return s;
}

std::vector<Finding> check(const std::function<void(Settings&)>& change) {
  Settings s = good();
  change(s);
  return check_settings(s);
}

// The one finding that `change` makes; empty text if there is another number of them.
std::string only(Finding::Weight weight, std::string_view key,
                 const std::function<void(Settings&)>& change) {
  const auto found = check(change);
  REQUIRE(found.size() == 1);
  CHECK(found[0].weight == weight);
  CHECK(found[0].key == key);
  return found[0].text;
}

}  // namespace

TEST_CASE("the defaults contradict nothing", "[check]") {
  CHECK(check([](Settings&) {}).empty());
}

TEST_CASE("applications are named as for import", "[check]") {
  for (const char* good_name :
       {"wsgi:app", "a.b.c:application", "a:factory(1, x='y')", "a:obj.attr",
        "native:hello", "native:/usr/lib/app.so", "m\u00fcller.wsgi:app"}) {
    INFO(good_name);
    CHECK(check([&](Settings& s) { s.worker.application = good_name; }).empty());
  }
  for (const char* bad : {"", "a..b:app", "a:", ":app", "a b:app", "site/wsgi.py:app",
                          "wsgi.py:app", "1a:app", "a:app(", "native:"}) {
    INFO(bad);
    (void)only(kProblem, "application",
               [&](Settings& s) { s.worker.application = bad; });
  }
}

TEST_CASE("settings that contradict each other are problems", "[check]") {
  CHECK(only(kProblem, "max_surge", [](Settings& s) {
          s.max_surge = 0;
        }).starts_with("0 with max_unavailable 0 leaves no way"));
  CHECK(only(kProblem, "slow_request", [](Settings& s) {
          s.worker.slow_request = 30'000;
        }) == "30s is never reached: request_timeout is 30s");
  CHECK(only(kProblem, "restart_pause", [](Settings& s) {
          s.restart_pause = 60'000;
        }) == "1m is longer than restart_pause_longest, 30s");
  CHECK(check([](Settings& s) {
          s.worker.slow_request = 30'000;
          s.worker.request_timeout = 0;
        }).empty());
}

TEST_CASE("what is unwise is a warning", "[check]") {
  CHECK(only(kWarning, "keepalive", [](Settings& s) {
          s.worker.keepalive = 5'000;
        }).starts_with("5s is not longer than nginx keeps"));
  CHECK(check([](Settings& s) { s.worker.keepalive = 0; }).empty());
  (void)only(kWarning, "max_requests_jitter",
             [](Settings& s) { s.worker.max_requests_jitter = 5; });
  (void)only(kWarning, "pre_fork", [](Settings& s) {
    s.worker.pre_fork = "site:close";
    s.worker.preload = "false";
  });
  (void)only(kWarning, "warm_up", [](Settings& s) {
    s.worker.warm_up = "/";
    s.worker.preload = "false";
  });
  (void)only(kWarning, "max_unavailable", [](Settings& s) {
    s.max_surge = 0;
    s.max_unavailable = 1;
  });
  (void)only(kWarning, "socket_mode", [](Settings& s) { s.socket_mode = 0660; });
  (void)only(kWarning, "forwarded_allow_ips", [](Settings& s) {
    s.bind = {"0.0.0.0:80"};
    s.worker.forwarded_allow_ips = {"*"};
  });
  CHECK(check([](Settings& s) { s.worker.forwarded_allow_ips = {"*"}; }).empty());
}

TEST_CASE("each item of a list is checked", "[check]") {
  CHECK(only(kProblem, "environment", [](Settings& s) {
          s.worker.environment = {"A=", "B"};
        }) == "\"B\" is not NAME=value");
  CHECK(only(kProblem, "environment", [](Settings& s) {
          s.worker.environment = {"SCRIPT_NAME=", "SCRIPT_NAME=/a", "SCRIPT_NAME=a"};
        }) == "\"SCRIPT_NAME=a\" is not a path; it begins with \"/\"");
  (void)only(kProblem, "forwarded_allow_ips", [](Settings& s) {
    s.worker.forwarded_allow_ips = {"10.0.0.0/8", "::1", "fe80::/10", "10.0.0.0/33"};
  });
  (void)only(kProblem, "secure_scheme_headers",
             [](Settings& s) { s.worker.secure_scheme_headers = {"X SSL=on"}; });
  (void)only(kProblem, "forwarder_headers",
             [](Settings& s) { s.worker.forwarder_headers = {"A:"}; });
  (void)only(kProblem, "request_id_header",
             [](Settings& s) { s.worker.request_id_header = "X Id"; });
  (void)only(kProblem, "server_header",
             [](Settings& s) { s.worker.server_header = "a\r\nb"; });
  (void)only(kProblem, "warm_up", [](Settings& s) { s.worker.warm_up = "health"; });
  (void)only(kProblem, "access_log_format",
             [](Settings& s) { s.worker.access_log_format = "%(h)s %(nope)s"; });
  (void)only(kProblem, "bind", [](Settings& s) { s.bind = {":80", ":80"}; });
  (void)only(kProblem, "bind", [](Settings& s) { s.bind = {}; });
  CHECK(only(kProblem, "metrics_bind", [](Settings& s) {
          s.metrics_bind = "fd://3";
        }).find("FileDescriptorName=metrics") != std::string::npos);
}

TEST_CASE("what the machine lacks is found before it is needed", "[check]") {
  Settings s = good();
  s.worker.directory = "/";
  s.worker.spool_directory = "/";
  CHECK(check_host(s).empty());
  s.worker.directory = "/nonexistent";
  s.worker.access_log = "/nonexistent/access.log";
  s.user = "no-such-user";
  s.group = "no-such-group";
  s.worker.python_path = {"/nonexistent"};
  const auto found = check_host(s);
  REQUIRE(found.size() == 5);
  CHECK(found[0].key == "directory");
  CHECK(found[0].text == "/nonexistent: No such file or directory");
  CHECK(found[1].key == "access_log");
  CHECK(found[2].text == "there is no user \"no-such-user\"");
  CHECK(found[3].text == "there is no group \"no-such-group\"");
  CHECK(found[4].weight == kWarning);
}
