// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "base/unique_fd.h"
#include "worker/wire/boot.h"

namespace monodon::worker {

// Where a zygote finds its channel (wire::Kind): the one descriptor above stderr that
// it inherits over exec.
inline constexpr int kZygoteChannel = 3;
// With `reload`, a pipe to the watcher: the files of loaded modules, a line each.
// Beside it, and below, is that of the application's metrics.
inline constexpr int kModulesFd = 5;

// All that a worker gets from the master: the boot message (through the zygote, by
// fork) and the descriptors named here. Everything else above stderr is CLOEXEC or
// was never there.
struct Heritage {
  std::uint32_t slot = 0;
  std::uint32_t serial = 0;
  std::uint32_t generation = 0;
  const Boot* boot = nullptr;
  bool check_health = false;   // before `ready`
  bool refuse_broken = false;  // preload: false: as Boot::reload
  UniqueFd channel;            // to the master, worker/wire/wire.h
  UniqueFd page;               // scoreboard page, a sealed memfd
  UniqueFd handoff_send;       // one SOCK_SEQPACKET pair for all workers of a master
  UniqueFd handoff_receive;
  std::vector<UniqueFd> listeners;  // as in boot->listeners; non-blocking
};

}  // namespace monodon::worker
