// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/text/spell.h"
#include "master/fleet/pool.h"

namespace monodon::master {

// A request that a worker ran when it ended, as its page said: a rumour, any bytes.
struct LastRequest {
  std::string request;     // "GET /path"
  std::string request_id;  // may be empty
  Clock::duration age{};
  std::string remote;
  bool answered = false;  // its client had 504 already, and it is counted and logged
};

// One sentence for the end of one worker: who, how, what it ran, and what happens next.
// Text from the page is escaped and cut. `out_of_memory`: it was the kernel's OOM
// killer (OomWatch). Pure.
std::string obituary(const News& gone, const std::vector<LastRequest>& running,
                     bool out_of_memory);

// The same without what happens next.
std::string account_of_end(const News& gone, const std::vector<LastRequest>& running,
                           bool out_of_memory);

// The end was not what anybody asked for.
bool is_unexpected(const News& gone);

// "worker 3 (serial 17, pid 4242, generation 2)"
std::string name_worker(const News& news);

// "killed by SIGSEGV, core dumped" or "exit status 3"
std::string describe(const Death& death);

}  // namespace monodon::master
