// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace monodon::master {

// The path of a file that is installed next to the server: "zygote.py",
// "monodon-native". Looks in $MONODON_LIBDIR, then, from the directory of the running
// program, ../lib/monodon, the directory itself (a wheel) and (in a build tree)
// ../worker/python, ../worker/native and ../metrics. The Error names every place that
// was tried.
[[nodiscard]] Result<std::string> find_in_libdir(std::string_view name);

}  // namespace monodon::master
