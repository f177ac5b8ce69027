// SPDX-License-Identifier: Apache-2.0
// Whether somebody looks who can see colours.
#include "base/text/colour.h"

#include <unistd.h>

#include <cstdlib>

namespace monodon {
namespace {

std::string_view variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

bool wants_colour(int fd) {
  return variable("NO_COLOR").empty() && variable("TERM") != "dumb" &&
         ::isatty(fd) == 1;
}

}  // namespace monodon
