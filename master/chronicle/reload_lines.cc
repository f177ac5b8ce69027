// SPDX-License-Identifier: Apache-2.0
// What the log says of a reload's steps.
#include "master/chronicle/reload_lines.h"

#include <fmt/format.h>

#include "base/log/log.h"

namespace monodon::master {

void write_rehearsal(const FleetNews& news) {
  const bool doubtful = news.kind == FleetNews::Kind::doubtful;
  log::write(doubtful ? log::Level::warning : log::Level::info,
             fmt::format("generation {}: {}", news.generation, news.reason),
             {doubtful ? log::Id::application_warning : log::Id::generation_rolling});
}

// One that was withdrawn makes place for a newer edit, which is what somebody wants.
void write_refusal(const FleetNews& news, std::string_view reason) {
  log::write(news.withdrawn ? log::Level::info : log::Level::error,
             fmt::format("generation {} {}: {}", news.generation,
                         news.withdrawn ? "is given up" : "was refused", reason),
             {log::Id::generation_refused});
}

std::string farewell(const FleetNews& news) {
  if (news.reason.empty())
    return fmt::format("generation {} has stood for its time; the code before it ends",
                       news.generation);
  return fmt::format(
      "{}: the code before generation {} ends, and cannot come back by itself any more",
      news.reason, news.generation);
}

}  // namespace monodon::master
