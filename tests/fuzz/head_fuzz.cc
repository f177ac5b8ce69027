// SPDX-License-Identifier: Apache-2.0
// Fuzz target: a request head, as a client sends it.
#include "tests/fuzz/target.h"
#include "tests/support/cpp/http_invariants.h"

namespace monodon {
namespace {

const fuzz::Target kHeadTarget{"head", test::broken_head};

}  // namespace
}  // namespace monodon
