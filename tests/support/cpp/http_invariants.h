// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace monodon::test {

// What holds for any bytes at all, checked by the fuzzer and by the seeded mutations of
// the unit tests. Each gives "" or what does not hold. `seed` chooses limits and cuts.

// parse_head: the same verdict whole and in pieces, every view inside the input, and a
// complete head holds nothing that a second, simpler reader takes for something else.
std::string broken_head(std::string_view input, std::uint32_t seed);

// Forwarding: what a proxy said is fit for logs and environment, and a stranger's words
// change nothing. `input` is a request head.
std::string broken_origin(std::string_view input, std::uint32_t seed);

// ChunkedDecoder: the same whole and in pieces, never more data than input.
std::string broken_chunked(std::string_view input, std::uint32_t seed);

// write_head: with status and fields (one a line, "name:value") taken from the input,
// it writes exactly the lines it should, or nothing.
std::string broken_response(std::string_view input, std::uint32_t seed);

}  // namespace monodon::test
