// SPDX-License-Identifier: Apache-2.0
// In place of scoreboard/page.cc's functions, in a worker that writes nothing down of a
// request: to compare the other one with (bench/scoreboard). Never installed.
#include "scoreboard/page.h"

namespace monodon::scoreboard {

void begin_request(ThreadRow& /*row*/, std::string_view /*method*/,
                   std::string_view /*target*/, std::string_view /*remote*/,
                   std::string_view /*request_id*/,
                   std::uint64_t /*now_ns*/) noexcept {}

void end_request(ThreadRow& /*row*/, int /*status*/, std::uint64_t /*bytes_in*/,
                 std::uint64_t /*bytes_out*/, std::uint64_t /*duration_ns*/,
                 std::uint64_t /*first_byte_ns*/) noexcept {}

void note_queue_time(ThreadRow& /*row*/, std::uint64_t /*us*/) noexcept {}

}  // namespace monodon::scoreboard
