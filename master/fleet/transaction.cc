// SPDX-License-Identifier: Apache-2.0
// The steps of a reload, by name.
#include "master/fleet/transaction.h"

#include "master/fleet/obituary.h"

namespace monodon::master {

namespace {

double share(const Traffic& traffic) {
  if (traffic.answers == 0) return 0;
  return static_cast<double>(traffic.errors) / static_cast<double>(traffic.answers);
}

}  // namespace

bool clearly_worse(const Traffic& before, const Traffic& now) {
  constexpr std::uint64_t kFewest = 5;
  constexpr double kTimes = 2;
  constexpr double kAbove = 0.01;
  return now.errors >= kFewest && share(now) > share(before) * kTimes + kAbove;
}

std::string compare(const Traffic& before, const Traffic& now) {
  return "the new workers answered " + std::to_string(now.errors) + " of " +
         std::to_string(now.answers) + " requests with 5xx, those before them " +
         std::to_string(before.errors) + " of " + std::to_string(before.answers);
}

std::string failure_in(const News& news) {
  if (news.kind == News::Kind::boot_failed)
    return news.text.empty() ? name_worker(news) + " cannot start" : news.text;
  if (news.kind == News::Kind::gone && !news.asked_to_go)
    return account_of_end(news, {}, false);
  // Any other deadline is of a worker that was asked to go, or that is dying.
  if (news.kind == News::Kind::overdue && news.state == State::starting)
    return name_worker(news) + (news.checking
                                    ? " did not answer its health check in time"
                                    : " was not ready within boot_timeout");
  return {};
}

}  // namespace monodon::master
