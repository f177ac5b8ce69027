// SPDX-License-Identifier: Apache-2.0
#include "master/failed_start.h"

#include <catch2/catch.hpp>

using namespace monodon::master;

TEST_CASE("the status line of a failed start is one printable line", "[failed_start]") {
  CHECK(failed_start_text("ImportError: no vault\nTraceback:\n  File x\n") ==
        "cannot start: ImportError: no vault");
  CHECK(failed_start_text("a\x1b[31m\nb") == "cannot start: a\\x1b[31m");
  CHECK(failed_start_text(std::string(5000, 'x')).size() < 400);
}
