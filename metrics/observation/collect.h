// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "metrics/exposition/exposition.h"
#include "metrics/observation/channel.h"
#include "metrics/observation/history.h"
#include "metrics/observation/listen_queue.h"
#include "metrics/observation/log_loss.h"
#include "metrics/observation/observer.h"
#include "metrics/observation/reload_story.h"
#include "metrics/observation/saturation.h"

namespace monodon::metrics {

// What the exporter knows beside the scoreboard.
struct Surroundings {
  Facts facts;
  std::map<std::string, QueueHistory> queues;  // by address of the listener
  std::map<std::uint32_t, std::uint64_t> pss;  // bytes by pid
  Saturation saturation;
  ReloadStory reload;
  History history;
  LogLoss log_loss;
  std::uint32_t waiting_inside = 0;    // connections, of workers (Capacity::waiting)
  std::uint64_t idle_ns = 0;           // thread_seconds{idle} as last shown
  std::uint64_t series_dropped = 0;    // of the application
  std::uint64_t samples_left_out = 0;  // likewise, by this scrape
  std::uint64_t scrapes = 0;
  std::uint64_t scrape_ns = 0;
};

// Fills in every metric of the catalogue. Reads /proc of master and exporter, and the
// resident size of the workers; nothing else.
void collect(const Sight& sight, Surroundings& around, Exposition& to);

// A generation is imported, or workers of an older one are left.
[[nodiscard]] bool reload_in_progress(const Sight& sight);
// Application threads of the workers that serve.
[[nodiscard]] std::uint64_t serving_threads(const Sight& sight);

// Requests that run now, and the age of the oldest: as the pages say, bounded by the
// age of their workers.
struct Running {
  std::uint64_t requests = 0;
  std::uint64_t oldest_ns = 0;
};
[[nodiscard]] Running running_now(const Sight& sight);

}  // namespace monodon::metrics
