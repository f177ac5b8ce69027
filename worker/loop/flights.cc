// SPDX-License-Identifier: Apache-2.0
// Which requests are in the air.
#include "worker/loop/flights.h"

namespace monodon::worker {

void OpenFlight::done() noexcept {
  flights_.ended_.push_back(this);
}

bool Flights::grow() {
  const std::size_t used = chunks_used_.load(std::memory_order_relaxed);
  if (used == kMostChunks) return false;
  auto chunk = std::make_unique<Chunk>();
  for (auto& item : chunk->items) {
    item = std::make_unique<OpenFlight>(*this, thread_, row_, config_, finisher_);
    free_.push_back(item.get());
  }
  chunks_[used] = std::move(chunk);
  chunks_used_.store(used + 1, std::memory_order_release);
  ended_.reserve((used + 1) * kChunk);  // done() must not throw
  return true;
}

OpenFlight* Flights::take(Connection& connection) {
  if (free_.empty() && !grow()) return nullptr;
  OpenFlight* flight = free_.back();
  free_.pop_back();
  flight->connection = &connection;
  flight->serial = ++serial_;
  flight->own = nullptr;
  flight->older = newest_;
  flight->newer = nullptr;
  (newest_ != nullptr ? newest_->newer : oldest_) = flight;
  newest_ = flight;
  connection.flight = flight;
  return flight;
}

void Flights::give(OpenFlight& flight) noexcept {
  (flight.older != nullptr ? flight.older->newer : oldest_) = flight.newer;
  (flight.newer != nullptr ? flight.newer->older : newest_) = flight.older;
  flight.serial = 0;
  flight.connection->flight = nullptr;
  flight.connection = nullptr;
  free_.push_back(&flight);
}

void Flights::post(OpenFlight& flight, std::uint64_t serial, News news) {
  {
    const std::lock_guard lock{mutex_};
    mail_.push_back({&flight, serial, news});
    has_mail_ = true;
  }
  events_.wake();
}

}  // namespace monodon::worker
