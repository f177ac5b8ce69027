// SPDX-License-Identifier: Apache-2.0
// Which requests are in the air.
#include "worker/loop/flights.h"

#include "worker/loop/open_socket.h"

namespace monodon::worker {

OpenFlight::OpenFlight(Flights& of, unsigned of_thread,
                       scoreboard::ThreadRow& written_to,
                       const Exchange::Config& config, Exchange::Finisher& finisher)
    : Flight{of_thread, written_to, config, finisher}, flights_{of} {}
OpenFlight::~OpenFlight() = default;

void OpenFlight::enter(List& list) noexcept {
  list_ = &list;
  older_ = list.newest;
  newer_ = nullptr;
  (older_ != nullptr ? older_->newer_ : list.oldest) = this;
  list.newest = this;
}

void OpenFlight::leave() noexcept {
  (older_ != nullptr ? older_->newer_ : list_->oldest) = newer_;
  (newer_ != nullptr ? newer_->older_ : list_->newest) = older_;
}

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
  flight->enter(requests_);
  connection.flight = flight;
  return flight;
}

void Flights::give(OpenFlight& flight) noexcept {
  flight.leave();
  flight.socket.reset();
  flight.websocket = nullptr;
  flight.serial = 0;
  flight.connection->flight = nullptr;
  flight.connection = nullptr;
  free_.push_back(&flight);
}

void Flights::set_apart(OpenFlight& flight) noexcept {
  flight.leave();
  flight.enter(sockets_);
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
