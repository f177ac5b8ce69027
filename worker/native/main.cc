// SPDX-License-Identifier: Apache-2.0
// The program monodon-native.
#include <algorithm>
#include <string_view>
#include <vector>

#include "worker/native/native.h"
#include "worker/process/zygote.h"

// monodon-native [--check | --check-config] [--hooks]: the zygote of native
// applications (worker/process/zygote.h).
int main(int argc, char** argv) {
  using namespace monodon;
  native::NativeApplication app;
  const std::vector<std::string_view> words{argv + 1, argv + argc};
  const auto has = [&](std::string_view word) {
    return std::ranges::find(words, word) != words.end();
  };
  if (has("--check")) return worker::check_application(app, has("--hooks"));
  if (has("--check-config"))
    return worker::check_application(app, has("--hooks")) == 0 ? 0 : 1;
  return worker::run_zygote(UniqueFd{worker::kZygoteChannel}, app);
}
