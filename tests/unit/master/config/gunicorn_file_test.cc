// SPDX-License-Identifier: Apache-2.0
#include "master/config/gunicorn_file.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <map>

#include "master/config/gunicorn_flags.h"
#include "master/config/table.h"
#include "master/config/value.h"
#include "tests/support/cpp/scratch.h"

using namespace monodon;
using namespace monodon::master;

namespace {

using Texts = std::vector<std::string>;

GunicornConfig translate(const std::string& values, const std::string& functions = "") {
  return translate_gunicorn_config(
      fmt::format(R"({{"values": {{{}}}, "functions": [{}]}})", values, functions),
      "g.py");
}

std::map<std::string, Texts> settings(const GunicornConfig& config) {
  std::map<std::string, Texts> all;
  for (const Override& given : config.settings) all[given.key] = given.values;
  return all;
}

}  // namespace

TEST_CASE("values of every sort become texts of our settings", "[gunicorn_config]") {
  const GunicornConfig config = translate(
      R"("workers": 3, "preload_app": true, "umask": 7, "timeout": 30.5,
         "bind": "unix:/a,:8000", "raw_env": ["A=1", "B=2"], "accesslog": null,
         "errorlog": "", "secure_scheme_headers": {"X-SSL": "on"}, "chdir": "/srv",
         "pythonpath": [])");
  CHECK(settings(config) ==
        std::map<std::string, Texts>{{"workers", {"3"}},
                                     {"preload", {"true"}},
                                     {"socket_mode", {"0770"}},
                                     {"request_timeout", {"30.5"}},
                                     {"bind", {"unix:/a,:8000"}},
                                     {"environment", {"A=1", "B=2"}},
                                     {"error_log", {""}},
                                     {"secure_scheme_headers", {"X-SSL=on"}},
                                     {"python_path", {}},
                                     {"directory", {"/srv"}}});
  CHECK(config.warnings.empty());
  CHECK(config.problems.empty());
  CHECK(config.settings.front().origin.starts_with("g.py: "));
}

TEST_CASE("what trusts nobody in Gunicorn trusts nobody here", "[gunicorn_config]") {
  const std::string value = GENERATE("[]", "{}", "\"\"", "null");
  for (const std::string name :
       {"forwarded_allow_ips", "secure_scheme_headers", "forwarder_headers"}) {
    const GunicornConfig config =
        translate(fmt::format("\"{}\": {}, \"timeout\": null", name, value));
    INFO(name << value);
    REQUIRE(config.settings.size() == 1);
    CHECK(config.settings[0].key == name);
    Settings settings = default_settings();
    const Setting& setting = *find_setting(name);
    CHECK(set_list(setting, split_list(setting, config.settings[0].values), settings)
              .empty());
    CHECK(list_items(setting, settings).empty());
  }
}

TEST_CASE("values are read as Gunicorn reads them", "[gunicorn_config]") {
  const GunicornConfig config = translate(
      R"("workers": true, "threads": "0x2", "loglevel": "warn", "backlog": 0)");
  CHECK(settings(config) == std::map<std::string, Texts>{{"workers", {"1"}},
                                                         {"threads", {"2"}},
                                                         {"log_level", {"info"}},
                                                         {"backlog", {"1"}}});
  CHECK(config.warnings.size() == 2);
}

TEST_CASE("a file is what its name says, or else its first line", "[gunicorn_config]") {
  const testing::Scratch scratch;
  const auto is_python = [&](const std::string& name, const char* text) {
    std::ofstream{scratch / name} << text;
    return is_gunicorn_config(scratch / name);
  };
  CHECK(is_python("gunicorn.conf", "# ours\n\nworkers = 1\n"));
  CHECK(is_python("gunicorn.ini", "import os\n"));
  CHECK(is_python("typed", "workers: int = 3\n"));
  CHECK(is_python("hooks.cfg", "def when_ready(server):\n    pass\n"));
  CHECK(is_python("x.py", "workers: 3\n"));
  CHECK(is_gunicorn_config("python:site.conf"));
  CHECK_FALSE(is_python("site.conf", "# ours\nworkers: 3\n"));
  CHECK_FALSE(is_python("site", "---\nbind:\n  - a\n"));
  CHECK_FALSE(is_python("x.yaml", "workers = 3\n"));
  CHECK_FALSE(is_python("empty", ""));
  CHECK_FALSE(is_gunicorn_config(scratch / "none"));
}

TEST_CASE("names that Gunicorn does not know are variables of the file",
          "[gunicorn_config]") {
  const GunicornConfig config =
      translate(R"("name": "x", "max_memory": "1G", "environment": "live")", R"("f")");
  CHECK(config.settings.empty());
  CHECK(config.warnings.empty());
}

TEST_CASE("each setting without an equivalent is answered, unless it asks for nothing",
          "[gunicorn_config]") {
  const Texts warnings =
      translate(R"("spew": true, "control_socket_disable": true)").warnings;
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].starts_with("g.py: spew: there is no equivalent"));
  CHECK(translate(R"("control_socket_disable": true)").notes.size() == 1);
  const GunicornConfig idle = translate(
      R"("daemon": false, "reload": null, "proxy_protocol": "off", "syslog_addr": "",
         "dirty_apps": [], "dirty_workers": 0)");
  CHECK(idle.warnings.empty());
  CHECK(idle.notes.empty());
}

TEST_CASE("the PROXY protocol is named as Gunicorn names it", "[gunicorn_config]") {
  for (const auto& [value, taken] :
       {std::pair{"true", "auto"}, std::pair{"false", "off"}, std::pair{"\"V1\"", "v1"},
        std::pair{"\"none\"", "off"}, std::pair{"\"1\"", "auto"}}) {
    const auto found = settings(translate(std::string{"\"proxy_protocol\": "} + value));
    CHECK(found == std::map<std::string, Texts>{{"proxy_protocol", {taken}}});
  }
}

TEST_CASE("what would be another service is a problem", "[gunicorn_config]") {
  for (const char* other :
       {R"("certfile": "x.pem")", R"("keyfile": "x.pem")", R"("protocol": "uwsgi")",
        R"("daemon": true)", R"("http_protocols": "h2,h1")",
        R"("http2_cleartext": true)", R"("dirty_apps": ["a:b"])",
        R"("paste": "production.ini")"}) {
    INFO(other);
    CHECK(translate(other).problems.size() == 1);
    CHECK(translate(other).warnings.empty());
  }
  CHECK(translate(R"("http_protocols": "h1", "protocol": "http")").problems.empty());
  CHECK(translate(R"("worker_class": "gevent")").problems.size() == 1);
  CHECK(translate("", R"("worker_class")").problems.size() == 1);
  CHECK(translate(R"("workers": [1, 2])").problems ==
        Texts{"g.py: workers: must be one value"});
  CHECK(translate_gunicorn_config("gibberish", "g.py").problems.size() == 1);
}

TEST_CASE("each hook is told where its code goes", "[gunicorn_config]") {
  for (const GunicornHook& hook : gunicorn_hooks()) {
    const auto read = translate("", fmt::format("\"{}\"", hook.name));
    const auto& told = hook.called ? read.hooks : read.warnings;
    REQUIRE(told.size() == 1);
    CHECK(told[0].find(hook.answer) != std::string::npos);
    CHECK(read.hooks.size() + read.warnings.size() == 1);
  }
}
