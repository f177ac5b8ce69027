// SPDX-License-Identifier: Apache-2.0
// What the kernel knows of workers and listeners, for status and top.
#include "cli/live/kernel_facts.h"

#include "metrics/observation/process_stats.h"

namespace monodon::cli {

void add_kernel_facts(ServerStatus& status) {
  for (SlotStatus& slot : status.slots)
    if (slot.pid > 0)
      slot.cpu_us = metrics::read_cpu_us(static_cast<std::uint32_t>(slot.pid),
                                         static_cast<std::uint32_t>(status.pid));
  const auto diagnosis = metrics::SocketDiagnosis::open();
  if (!diagnosis) return;
  const auto depths = diagnosis.value().ask(status.listeners);
  for (const metrics::ListenerFacts& listener : status.listeners)
    if (const auto depth = depths.find(listener.inode); depth != depths.end())
      status.queues.push_back(
          {listener.address, depth->second.waiting, depth->second.limit});
}

}  // namespace monodon::cli
