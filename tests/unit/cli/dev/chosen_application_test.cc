// SPDX-License-Identifier: Apache-2.0
// When `monodon dev` looks for an application; what it finds:
// tests/dev/test_applications.py.
#include "cli/dev/chosen_application.h"

#include <catch2/catch.hpp>

using namespace monodon;
using namespace monodon::cli;

TEST_CASE("an application is looked for where none or a file is named", "[dev]") {
  master::ConfigResult result;
  result.problems = {"application: is missing"};
  master::CommandLine line;
  CHECK(lacks_application_only(result, line));
  line.arguments.push_back({"application", {"pkg/app.py:app"}, "APP_MODULE"});
  CHECK(lacks_application_only(result, line));
  line.arguments.back().values = {"a-b:app"};
  CHECK_FALSE(lacks_application_only(result, line));
  line.arguments.clear();
  result.problems.push_back("bind: is wrong");
  CHECK_FALSE(lacks_application_only(result, line));
}
