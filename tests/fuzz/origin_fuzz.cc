// SPDX-License-Identifier: Apache-2.0
// Fuzz target: what a request says about its proxy and its client.
#include "tests/fuzz/target.h"
#include "tests/support/cpp/http_invariants.h"

namespace monodon {
namespace {

const fuzz::Target kOriginTarget{"origin", test::broken_origin};

}  // namespace
}  // namespace monodon
