// SPDX-License-Identifier: Apache-2.0
#include "master/config/gunicorn_boot.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "master/config/gunicorn_flags.h"
#include "master/config/table.h"

using namespace monodon;
using namespace monodon::master;

TEST_CASE("hooks see our settings in Gunicorn's names, forms and units",
          "[gunicorn_boot]") {
  Settings settings = default_settings();
  settings.bind = {"127.0.0.1:8000", "unix:/run/a"};
  settings.socket_mode = 0770;
  settings.worker.request_timeout = 120'000;
  settings.worker.preload = "true";
  settings.worker.python_path = {"/a", "/b"};
  settings.worker.secure_scheme_headers = {"X-FORWARDED-PROTO=https"};
  const auto all = nlohmann::json::parse(as_gunicorn_settings(settings));
  CHECK(all.size() == gunicorn_names().size() + 1);
  CHECK(all["capture_output"] == false);
  CHECK(all["bind"] == nlohmann::json{"127.0.0.1:8000", "unix:/run/a"});
  CHECK(all["umask"] == 0007);
  CHECK(all["timeout"] == 120);
  CHECK(all["preload_app"] == true);
  CHECK(all["pythonpath"] == "/a,/b");
  CHECK(all["accesslog"].is_null());
  CHECK(all["errorlog"] == "-");
  CHECK(all["sendfile"] == true);
  CHECK(all["secure_scheme_headers"] == nlohmann::json{{"X-FORWARDED-PROTO", "https"}});
}

TEST_CASE("flags configure the application's logging without a file",
          "[gunicorn_boot]") {
  LoadedConfig config;
  config.settings = default_settings();
  config.command_line.environment = {{"logconfig", {"a.ini"}, "GUNICORN_CMD_ARGS"}};
  config.command_line.arguments = {{"logconfig", {"b.ini"}, "--log-config"},
                                   {"application_output", {"all"}, "--capture-output"}};
  config.settings.worker.application_output = "all";
  worker::Boot boot;
  boot_like_gunicorn(config, boot);
  CHECK(boot.gunicorn_conf.empty());
  const auto all = nlohmann::json::parse(boot.gunicorn_settings);
  CHECK(all["logconfig"] == "b.ini");
  CHECK(all["capture_output"] == true);
  CHECK_FALSE(all.contains("application_output"));
}

TEST_CASE("sys.argv is the line without the command", "[gunicorn_boot]") {
  LoadedConfig config;
  config.command_line.argv = {"/usr/bin/monodon", "serve", "-w", "2", "a:b"};
  worker::Boot boot;
  boot_like_gunicorn(config, boot);
  CHECK(boot.gunicorn_settings.empty());
  CHECK(boot.argv == std::vector<std::string>{"/usr/bin/monodon", "-w", "2", "a:b"});
  CHECK(boot.gunicorn_conf.empty());
}
