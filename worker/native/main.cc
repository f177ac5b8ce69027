// SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include "worker/native/native.h"
#include "worker/zygote.h"

// monodon-native [--check]: the zygote of native applications (worker/zygote.h).
int main(int argc, char** argv) {
  using namespace monodon;
  native::NativeApplication app;
  for (int i = 1; i < argc; ++i)
    if (std::string_view{argv[i]} == "--check") return worker::check_application(app);
  return worker::run_zygote(UniqueFd{worker::kZygoteChannel}, app);
}
