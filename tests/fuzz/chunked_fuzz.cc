// SPDX-License-Identifier: Apache-2.0
// Fuzz target: a chunked body.
#include "tests/fuzz/target.h"
#include "tests/support/cpp/http_invariants.h"

namespace monodon {
namespace {

const fuzz::Target kChunkedTarget{"chunked", test::broken_chunked};

}  // namespace
}  // namespace monodon
