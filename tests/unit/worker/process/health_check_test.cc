// SPDX-License-Identifier: Apache-2.0
#include "worker/process/health_check.h"

#include <catch2/catch.hpp>

#include "worker/process/local_request.h"

using namespace monodon;
using namespace monodon::worker;

namespace {

// Answers /good, fails in several ways otherwise, and keeps the Host it was asked for.
class Patient final : public Application {
 public:
  std::string host;
  std::string scheme;
  std::string forwarded;  // X-Forwarded-Proto

  LoadError load(const Boot&) override { return {}; }
  int fork() override { return -1; }
  int fork_child() override { return -1; }
  Outcome start_thread(unsigned, void (*)(void*, unsigned), void*) override {
    return ok();
  }
  void run_main(void (*)(void*, unsigned), void*) override {}

  void serve(const Request& request, Response& response) noexcept override {
    host = request.head->host;
    scheme = request.scheme;
    forwarded = request.head->find("X-Forwarded-Proto");
    const std::string_view target = request.head->target;
    if (target == "/raises") return response.fail("application raised\nValueError");
    http::ResponseHead head;
    head.status = target == "/moved" ? "302 Found" : "200 OK";
    if (target == "/bad") head.status = "500 Internal Server Error";
    (void)response.begin(head, 4);
    response.finish(target == "/short" ? "no" : "good");
  }
};

std::string result_of(const std::string& setting, Patient& app) {
  Boot boot;
  boot.settings.health_check = setting;
  return check_health(app, boot);
}

std::string result_of(const std::string& setting) {
  Patient app;
  return result_of(setting, app);
}

}  // namespace

TEST_CASE("a health check passes with any complete answer below 400", "[health]") {
  CHECK(result_of("/good").empty());
  CHECK(result_of("/moved").empty());
}

TEST_CASE("a health check that fails says of what", "[health]") {
  CHECK(result_of("/bad") == "health check /bad was answered with status 500");
  CHECK(result_of("/raises").find("ValueError") != std::string::npos);
  CHECK(result_of("/short").find("cut short") != std::string::npos);
  CHECK(result_of("/sp ace").find("health check /sp ace: ") == 0);
}

TEST_CASE("a health check may name the host that the application serves", "[health]") {
  Patient app;
  CHECK(result_of("http://site.test/good", app).empty());
  CHECK(app.host == "site.test");
  CHECK(app.scheme == "http");
  CHECK(app.forwarded.empty());
  CHECK(result_of("/good", app).empty());
  CHECK(app.host == "localhost");
}

TEST_CASE("a health check of an https address is what a proxy makes of it",
          "[health]") {
  Patient app;
  CHECK(result_of("https://site.test/good", app).empty());
  CHECK(app.host == "site.test");
  CHECK(app.scheme == "https");
  CHECK(app.forwarded == "https");
}
