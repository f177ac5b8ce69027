// SPDX-License-Identifier: Apache-2.0
#include "master/config/docs.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "master/config/table.h"
#include "master/config/value.h"
#include "master/config/yaml.h"
#include "metrics/exposition/catalogue.h"

using namespace monodon::master;

namespace {

std::string read_page(const std::string& path) {
  std::ifstream file{std::string{MONODON_SOURCE_ROOT} + "/" + path};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool same(const Settings& a, const Settings& b) {
  return settings_as_yaml(a) == settings_as_yaml(b);
}

}  // namespace

// When these fail: monodon generate yaml > conf/monodon.yaml
//                  monodon generate man > docs/man/monodon.yaml.5
//                  monodon generate metrics-man > docs/man/monodon-metrics.7
TEST_CASE("the committed documents are those of the table", "[docs]") {
  CHECK(read_page("conf/monodon.yaml") == commented_yaml());
  CHECK(read_page("docs/man/monodon.yaml.5") == manual_page());
  CHECK(read_page("docs/man/monodon-metrics.7") == monodon::metrics::metrics_manual());
}

TEST_CASE("uncommenting the example changes nothing", "[docs]") {
  std::istringstream lines{commented_yaml()};
  std::string yaml;
  std::size_t settings_seen = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.size() < 2 || line[0] != '#' || line[1] == ' ') {
      CHECK(line.size() <= 80);
      continue;
    }
    yaml += line.substr(1) + "\n";
    ++settings_seen;
  }
  Settings settings;
  Origins origins;
  const auto problems = apply_yaml(yaml, "example", settings, origins);
  for (const auto& problem : problems) UNSCOPED_INFO(problem);
  CHECK(problems.empty());
  CHECK(origins.size() == settings_seen);
  CHECK(same(settings, default_settings()));
}

TEST_CASE("what check prints reads back as the same settings", "[docs]") {
  Settings settings = default_settings();
  settings.worker.application = "a:factory('x')";
  settings.worker.server_header = "tab\t \"quoted\" back\\slash \u00e9 # not a comment";
  settings.worker.environment = {"A=: b", "C={d}", "E=", "F=- g"};
  settings.worker.max_memory = 300ULL * 1024 * 1024;
  settings.umask = 0;
  settings.bind = {"[::1]:80", "unix:@name"};
  Settings back;
  Origins origins;
  CHECK(apply_yaml(settings_as_yaml(settings), "p", back, origins).empty());
  CHECK(same(settings, back));
  CHECK(back.worker.server_header == settings.worker.server_header);
  CHECK(back.worker.environment == settings.worker.environment);
}

TEST_CASE("the manual page has every setting", "[docs]") {
  const std::string page = manual_page();
  for (const Group& group : setting_groups()) {
    for (const Setting& setting : group.settings) {
      INFO(setting.key);
      CHECK(page.find(".It Ic " + std::string{setting.key} + "\n") !=
            std::string::npos);
    }
  }
}
