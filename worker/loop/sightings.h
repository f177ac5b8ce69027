// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "scoreboard/page.h"
#include "worker/http/forwarded.h"
#include "worker/http/parser.h"

namespace monodon::worker {

// What a thread of a worker remembers of its requests for the next deploy: paths that
// new code is asked for before it serves (master/fleet/rehearsal.h). One request in a
// while is looked at, so that the others do not pay.
class Sightings {
 public:
  // Whether it is time to look at a request again. Cheap.
  [[nodiscard]] bool due(std::uint64_t now_ns) const noexcept {
    return now_ns >= next_ns_;
  }
  // An answered request. Its path is kept on the thread's row if anybody may have made
  // it (GET, no query, cookie or authorization, http::is_public_path) and it was
  // answered well and quickly; of others that were answered well the name of the site
  // alone.
  void look(scoreboard::ThreadRow& row, const http::RequestHead& head,
            const http::Origin& origin, int status, std::uint64_t took_ns,
            std::uint64_t now_ns) noexcept;

 private:
  std::uint64_t next_ns_ = 0;
};

}  // namespace monodon::worker
