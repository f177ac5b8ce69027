// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "worker/application.h"
#include "worker/loop/event_set.h"
#include "worker/loop/flight.h"

namespace monodon::worker {

class Flights;
class OpenSocket;

// A request of an application that interleaves. It stays in the air when start() comes
// back from it, until the application says that it is over.
class OpenFlight final : public Flight, public Pending {
 public:
  OpenFlight(Flights& of, unsigned of_thread, scoreboard::ThreadRow& written_to,
             const Exchange::Config& config, Exchange::Finisher& finisher);
  ~OpenFlight() override;

  void done() noexcept override;

  // The main thread's; `serial` may be read by whoever holds the flight.
  Connection* connection = nullptr;
  Request request;
  std::uint64_t serial = 0;            // never used twice; 0: not in the air
  std::unique_ptr<OpenSocket> socket;  // where it asks for a WebSocket

 private:
  friend class Flights;
  struct List {
    OpenFlight* oldest = nullptr;
    OpenFlight* newest = nullptr;
  };
  void enter(List& list) noexcept;
  void leave() noexcept;

  Flights& flights_;
  List* list_ = nullptr;
  OpenFlight* older_ = nullptr;
  OpenFlight* newer_ = nullptr;
};

// The requests of an application that interleaves: those in the air, oldest first, and
// objects at addresses that never change for those to come.
//
// The main thread's, but for post(), which any thread may call, and each(), which is
// the keeper's.
class Flights {
 public:
  // All of them outlive it; `events` is the leader's.
  Flights(unsigned thread, scoreboard::ThreadRow& row, const Exchange::Config& config,
          Exchange::Finisher& finisher, EventSet& events)
      : thread_{thread},
        row_{row},
        config_{config},
        finisher_{finisher},
        events_{events} {}

  // In the air from now on. Null: as many as there can be connections are.
  OpenFlight* take(Connection& connection);
  void give(OpenFlight& flight) noexcept;
  [[nodiscard]] OpenFlight* oldest() const noexcept { return requests_.oldest; }
  // Its request has become a WebSocket, which is no request in progress any more.
  void set_apart(OpenFlight& flight) noexcept;
  // Calls `f(flight)` for each WebSocket, the oldest first, while it returns true.
  template <typename F>
  void each_socket(F f) {
    for (OpenFlight* flight = sockets_.oldest; flight != nullptr;) {
      OpenFlight* const next = flight->newer_;
      if (!f(*flight)) return;
      flight = next;
    }
  }

  // News for a request, which may be over by the time that the main thread sees it.
  void post(OpenFlight& flight, std::uint64_t serial, News news);
  // Calls `f(flight, news)` for what was posted to requests that are in the air.
  template <typename F>
  void deliver(F f) {
    if (!has_mail_.load(std::memory_order_acquire)) return;
    std::vector<Mail> mail;
    {
      const std::lock_guard lock{mutex_};
      mail.swap(mail_);
      has_mail_ = false;
    }
    for (const Mail& m : mail)
      if (m.flight->serial == m.serial) f(*m.flight, m.news);
  }

  // Calls `f(flight)` for each whose application is done with it.
  template <typename F>
  void land(F f) {
    while (!ended_.empty()) {
      OpenFlight* flight = ended_.back();
      ended_.pop_back();
      f(*flight);
    }
  }
  [[nodiscard]] bool any_to_land() const noexcept { return !ended_.empty(); }

  // Calls `f(flight)` for every object there ever was.
  template <typename F>
  void each(F f) {
    const std::size_t chunks = chunks_used_.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < chunks; ++i)
      for (auto& flight : chunks_[i]->items) f(*flight);
  }

 private:
  friend class OpenFlight;
  static constexpr std::size_t kChunk = 32;
  static constexpr std::size_t kMostChunks = 4096;
  struct Chunk {
    std::array<std::unique_ptr<OpenFlight>, kChunk> items;
  };
  struct Mail {
    OpenFlight* flight;
    std::uint64_t serial;
    News news;
  };
  bool grow();

  const unsigned thread_;
  scoreboard::ThreadRow& row_;
  const Exchange::Config& config_;
  Exchange::Finisher& finisher_;
  EventSet& events_;
  std::uint64_t serial_ = 0;
  OpenFlight::List requests_;
  OpenFlight::List sockets_;
  std::vector<OpenFlight*> free_;
  std::vector<OpenFlight*> ended_;
  std::array<std::unique_ptr<Chunk>, kMostChunks> chunks_{};
  std::atomic<std::size_t> chunks_used_{0};
  std::mutex mutex_;
  std::vector<Mail> mail_;  // under mutex_
  std::atomic<bool> has_mail_{false};
};

}  // namespace monodon::worker
