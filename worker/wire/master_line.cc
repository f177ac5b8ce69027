// SPDX-License-Identifier: Apache-2.0
// What a worker says to its master, now or once the master reads again.
#include "worker/wire/master_line.h"

#include <algorithm>

namespace monodon::worker {

Outcome MasterLine::tell(wire::Kind kind, std::int64_t value, std::string_view text) {
  return wire::send(
      fd(), {kind, heritage_.slot, heritage_.serial, heritage_.generation, value},
      text);
}

void MasterLine::report(wire::Kind kind, std::int64_t value, std::string_view text) {
  const auto told = tell(kind, value, text);
  if (told || !wire::may_pass(told.error())) return;
  const std::lock_guard lock{mutex_};
  // A master that is stopped for hours would otherwise cost memory.
  if (std::none_of(unsent_.begin(), unsent_.end(),
                   [kind](const Report& r) { return r.kind == kind; }))
    unsent_.push_back({kind, value, std::string{text}});
}

void MasterLine::report_again() {
  const std::lock_guard lock{mutex_};
  std::erase_if(unsent_, [this](const Report& r) {
    const auto told = tell(r.kind, r.value, r.text);
    return told || !wire::may_pass(told.error());
  });
}

void MasterLine::ask_to_retire(wire::Retire why) {
  if (!retiring_.exchange(true))
    report(wire::Kind::retire, static_cast<std::int64_t>(why));
}

}  // namespace monodon::worker
