// SPDX-License-Identifier: Apache-2.0
// Fuzz target: a response head, as an application gives it.
#include "tests/fuzz/target.h"
#include "tests/support/cpp/http_invariants.h"

namespace monodon {
namespace {

const fuzz::Target kResponseHeadTarget{"response_head", test::broken_response};

}  // namespace
}  // namespace monodon
