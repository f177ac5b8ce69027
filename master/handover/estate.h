// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "master/system/listeners.h"

namespace monodon::master {

// What every generation inherits from the master. The descriptors are owned elsewhere.
struct Estate {
  int handoff_send = -1;
  int handoff_receive = -1;
  const std::vector<Listener>* listeners = nullptr;
  bool stored = false;  // the handoff pair outlives us (master/handover/fd_store.h)
};

}  // namespace monodon::master
