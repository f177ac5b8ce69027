// SPDX-License-Identifier: Apache-2.0
// The memory in which an application counts.
#include "metrics/application/application_region.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log/log.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace monodon::metrics {
namespace {

constexpr int kAboveInherited = 10;  // so that dup2 to a low number never meets it

Result<UniqueFd> make_region() {
  const UniqueFd made{
      ::memfd_create("monodon-application", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  if (!made) return last_error("make memory for the application's metrics");
  UniqueFd region{::fcntl(made.get(), F_DUPFD_CLOEXEC, kAboveInherited)};
  constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  if (!region || ::ftruncate(region.get(), static_cast<off_t>(kRegionSize)) != 0 ||
      ::fcntl(region.get(), F_ADD_SEALS, kSeals) != 0 ||
      ::pwrite(region.get(), &kRegionMagic, sizeof kRegionMagic, 0) !=
          static_cast<ssize_t>(sizeof kRegionMagic))
    return last_error("set up memory for the application's metrics");
  return region;
}

UniqueFd make_or_say() {
  auto region = make_region();
  if (region) return std::move(region).value();
  log::warning(region.error().message(), {log::Id::resources_short});
  return {};
}

}  // namespace

int application_region() {
  static const UniqueFd region = make_or_say();
  return region.get();
}

}  // namespace monodon::metrics
