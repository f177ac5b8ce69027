// SPDX-License-Identifier: Apache-2.0
#include "cli/site/unit_file.h"

#include <catch2/catch.hpp>

using monodon::cli::UnitFile;
using Texts = std::vector<std::string>;

namespace {

constexpr const char* kCommentedUnit = R"(# a comment
[Unit]
Requires=a.socket b.socket
After = a.socket

[Service]
ExecStart=/bin/x \
  --one \
# in between
  --two
Environment=A=1
Environment=
Environment=B=2
; more
[Install]
WantedBy=multi-user.target
)";

}  // namespace

TEST_CASE("a unit is read as systemd reads it", "[unit_file]") {
  const UnitFile unit{kCommentedUnit};
  CHECK(unit.words("Unit", "Requires") == Texts{"a.socket", "b.socket"});
  CHECK(unit.value("Unit", "After") == "a.socket");
  CHECK(unit.value("Service", "ExecStart").find("--two") != std::string::npos);
  CHECK(unit.values("Service", "Environment") == Texts{"B=2"});
  CHECK(unit.value("Service", "WantedBy").empty());
}

TEST_CASE("what is not changed is written as it was", "[unit_file]") {
  CHECK(UnitFile{kCommentedUnit}.text() == kCommentedUnit);
}

TEST_CASE("an assignment is replaced where it stood, or added to its section",
          "[unit_file]") {
  UnitFile unit{kCommentedUnit};
  CHECK(unit.set("Service", "Environment", "C=3"));
  CHECK(unit.set("Service", "Type", "notify"));
  CHECK_FALSE(unit.set("Service", "Type", "notify"));
  CHECK(unit.remove("Unit", "Requires"));
  CHECK(unit.set("Socket", "Backlog", "9"));
  const std::string text = unit.text();
  CHECK(text.find("Environment=C=3\nType=notify\n; more\n[Install]") !=
        std::string::npos);
  CHECK(text.find("Environment=B") == std::string::npos);
  CHECK(text.find("Requires") == std::string::npos);
  CHECK(text.ends_with("\n[Socket]\nBacklog=9\n"));
}

TEST_CASE("a drop-in takes back and adds", "[unit_file]") {
  UnitFile unit{kCommentedUnit};
  unit.append(UnitFile{"[Service]\nExecStart=\nExecStart=/bin/y\n"});
  CHECK(unit.values("Service", "ExecStart") == Texts{"/bin/y"});
}
