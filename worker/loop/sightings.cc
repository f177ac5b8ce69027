// SPDX-License-Identifier: Apache-2.0
// Which requests are worth asking of the code of the next deploy.
#include "worker/loop/sightings.h"

#include <algorithm>

#include "base/fnv.h"
#include "worker/http/chars.h"
#include "worker/http/public_path.h"

namespace monodon::worker {
namespace {

constexpr std::uint64_t kPauseNs = 50'000'000;
constexpr std::uint64_t kQuickNs = 500'000'000;

// Never 0, which stands for nobody.
std::uint64_t hash_of(std::string_view client) noexcept {
  return fnv1a(client) | 1U;
}

bool is_anonymous(const http::RequestHead& head) noexcept {
  return std::ranges::none_of(head.fields, [](const http::Field& field) {
    return http::equals_lower(field.name, "cookie") ||
           http::equals_lower(field.name, "authorization");
  });
}

}  // namespace

void Sightings::look(scoreboard::ThreadRow& row, const http::RequestHead& head,
                     const http::Origin& origin, int status, std::uint64_t took_ns,
                     std::uint64_t now_ns) noexcept {
  next_ns_ = now_ns + kPauseNs;
  if (status < 200 || status > 299) return;
  if (head.host.empty() || head.host.size() > scoreboard::kMostHost) return;
  // Who asks is the peer's word; of one that nobody vouches for there is none.
  const bool asked_for_by_anybody =
      head.method == "GET" && took_ns <= kQuickNs && !origin.remote_addr.empty() &&
      head.target.size() <= scoreboard::kMostPath &&
      http::is_public_path(head.target) && is_anonymous(head);
  scoreboard::note_sighting(
      row,
      {.host = head.host,
       .path = asked_for_by_anybody ? head.target : std::string_view{},
       .secure = origin.scheme == "https",
       .client = asked_for_by_anybody ? hash_of(origin.remote_addr) : 0},
      now_ns);
}

}  // namespace monodon::worker
