// SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include "worker/native/native.h"
#include "worker/process/zygote.h"

// monodon-native [--check | --check-config]: the zygote of native applications
// (worker/process/zygote.h).
int main(int argc, char** argv) {
  using namespace monodon;
  native::NativeApplication app;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word{argv[i]};
    if (word == "--check") return worker::check_application(app);
    if (word == "--check-config") return worker::check_application(app) == 0 ? 0 : 1;
  }
  return worker::run_zygote(UniqueFd{worker::kZygoteChannel}, app);
}
