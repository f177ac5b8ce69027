// SPDX-License-Identifier: Apache-2.0
#include "cli/site/site_files.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "cli/site/templates.h"
#include "cli/site/unit_file.h"

using namespace monodon::cli;

namespace {

Site shop() {
  Site site;
  site.name = "shop";
  site.directory = "/srv/shop";
  site.application = "shop.wsgi:application";
  site.venv = "/srv/shop/.venv";
  site.user = site.group = "shop";
  site.socket = "/run/gunicorn/shop.sock";
  site.proxy_user = site.proxy_group = "nginx";
  site.server_names = {"shop.org", "www.shop.org"};
  site.static_root = "/srv/shop/static";
  site.media_root = "/srv/shop/media";
  site.access_log = "/srv/shop/logs/access.log";
  site.error_log = "/srv/shop/logs/error.log";
  return site;
}

std::string text_of(const Site& site, const std::string& name) {
  for (const SiteFile& file : site_files(site)) {
    if (file.name == name) return file.text;
  }
  FAIL(name + " is not written");
  return {};
}

}  // namespace

TEST_CASE("the units of a site are the packaged ones with its own words",
          "[site_files]") {
  const UnitFile socket{text_of(shop(), "shop.socket")};
  CHECK(socket.value("Socket", "ListenStream") == "/run/gunicorn/shop.sock");
  CHECK(socket.value("Socket", "RuntimeDirectory") == "gunicorn");
  CHECK(socket.value("Socket", "RuntimeDirectoryMode") == "0755");
  CHECK(socket.value("Socket", "SocketUser") == "nginx");
  CHECK(socket.value("Socket", "SocketGroup") == "nginx");
  CHECK(socket.value("Socket", "SocketMode") == "0660");
  CHECK(socket.value("Install", "WantedBy") == "sockets.target");
  const UnitFile service{text_of(shop(), "shop.service")};
  CHECK(service.value("Unit", "Requires") == "shop.socket");
  CHECK(service.value("Service", "RuntimeDirectory") == "monodon-shop");
  CHECK(service.value("Service", "WorkingDirectory") == "/srv/shop");
  CHECK(service.value("Service", "User") == "shop");
  const UnitFile packaged{file_template("monodon@.service.in")};
  for (const char* key : {"ProtectSystem", "SystemCallFilter", "KillMode",
                          "CapabilityBoundingSet", "RestrictAddressFamilies"}) {
    CHECK(service.values("Service", key) == packaged.values("Service", key));
  }
}

TEST_CASE("no file keeps a word of the template or an instance's specifier",
          "[site_files]") {
  Site instance = shop();
  instance.instance = true;
  Site tls = shop();
  tls.certificate = tls.certificate_key = "/etc/ssl/shop.pem";
  for (const Site& site : {shop(), instance, tls}) {
    for (const SiteFile& file : site_files(site)) {
      INFO(file.name << "\n" << file.text);
      CHECK(file.text.find("%i") == std::string::npos);
      for (const char* word : {"@name@", "@bindir@", "@socket@", "@type@", "@restart@",
                               "@directory@", "@proxy_user@", "@static@"}) {
        CHECK(file.text.find(word) == std::string::npos);
      }
    }
  }
}

// Or systemd closes the socket for good when a start fails while requests wait.
TEST_CASE("no service gives up after some starts that failed", "[site_files]") {
  const UnitFile packaged{file_template("monodon@.service.in")};
  const UnitFile made{text_of(shop(), "shop.service")};
  for (const UnitFile& unit : {packaged, made})
    CHECK(unit.value("Unit", "StartLimitIntervalSec") == "0");
}

TEST_CASE("an instance gets a drop-in and no units", "[site_files]") {
  Site site = shop();
  site.instance = true;
  const UnitFile drop_in{text_of(site, "monodon@shop.service.d/site.conf")};
  CHECK(drop_in.value("Service", "User") == "shop");
  CHECK(drop_in.value("Service", "ExecStart").empty());
}

TEST_CASE("with a certificate HTTP leads to HTTPS", "[site_files]") {
  CHECK(text_of(shop(), "nginx-shop.conf").find("listen 443") == std::string::npos);
  Site site = shop();
  site.certificate = "/etc/ssl/shop.pem";
  const std::string text = text_of(site, "nginx-shop.conf");
  CHECK(text.find("return 301 https://$host$request_uri;") != std::string::npos);
  CHECK(text.find("alias /srv/shop/media/;") != std::string::npos);
  CHECK(text.find("listen 443 ssl http2;") != std::string::npos);
  site.http2_directive = true;
  const std::string newer = text_of(site, "nginx-shop.conf");
  CHECK(newer.find("ssl http2;") == std::string::npos);
  CHECK(newer.find("    http2 on;\n") != std::string::npos);
}

TEST_CASE("names that a unit or a shell would take apart are refused", "[site_files]") {
  CHECK(check_site(shop()).empty());
  for (const auto& damage :
       {+[](Site& s) { s.name = "a b"; }, +[](Site& s) { s.name = ""; },
        +[](Site& s) { s.directory = "/srv/$(id)"; },
        +[](Site& s) { s.socket = "run/x"; }, +[](Site& s) { s.application = ""; },
        +[](Site& s) { s.server_names = {"a;b"}; },
        +[](Site& s) { s.instance = true; }}) {
    Site site = shop();
    damage(site);
    CHECK(check_site(site).size() == 1);
  }
}

TEST_CASE("a template keeps what it has no word for", "[site_files]") {
  CHECK(fill_template("a@b@c@d e@b@", {{"b", "X"}}) == "aXc@d eX");
  CHECK(fill_template("SystemCallFilter=@system-service", {}) ==
        "SystemCallFilter=@system-service");
  CHECK(file_template("nothing").empty());
}

TEST_CASE("a further site of a machine has metrics of its own", "[site_files]") {
  Site site = shop();
  CHECK(text_of(site, "shop.yaml").find("metrics_bind") == std::string::npos);
  site.metrics_bind = "127.0.0.1:9118";
  CHECK(text_of(site, "shop.yaml").ends_with("\nmetrics_bind: 127.0.0.1:9118\n"));
}
