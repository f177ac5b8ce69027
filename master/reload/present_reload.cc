// SPDX-License-Identifier: Apache-2.0
// What a reload that is under way does just now.
#include "master/reload/present_reload.h"

#include <fmt/format.h>

#include <string_view>

#include "base/text/spell.h"

namespace monodon::master {
namespace {

std::string_view doing(ReloadStep step) {
  switch (step) {
    case ReloadStep::none:
    case ReloadStep::parked:
      break;
    case ReloadStep::importing:
      return "is being imported";
    case ReloadStep::rehearsing:
      return "answers requests inside itself";
    case ReloadStep::canary:
      return "is tried by one worker";
    case ReloadStep::rolling:
      return "replaces the workers";
    case ReloadStep::observing:
      return "is watched";
    case ReloadStep::restoring:
      return "is being taken back";
  }
  return "begins";
}

}  // namespace

std::string describe_reload(const Fleet& fleet, Clock::time_point began,
                            Clock::time_point now) {
  const Transaction& reload = fleet.reload();
  std::string text = fmt::format("generation {}, begun {} ago, {}", reload.generation,
                                 spell(now - began), doing(reload.step));
  const Nursery::Child* const zygote = fleet.nursery().find(reload.generation);
  if (reload.step == ReloadStep::importing && zygote != nullptr &&
      zygote->deadline != Clock::time_point::max())
    text += fmt::format("; boot_timeout ends that in {} at the latest",
                        spell(zygote->deadline - now));
  return text;
}

}  // namespace monodon::master
