// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "scoreboard/page.h"
#include "worker/application.h"
#include "worker/http/forwarded.h"
#include "worker/loop/acceptor.h"
#include "worker/loop/app_thread.h"
#include "worker/loop/connection_pool.h"
#include "worker/loop/drain.h"
#include "worker/loop/event_set.h"
#include "worker/loop/flights.h"
#include "worker/loop/leadership.h"
#include "worker/loop/moment.h"
#include "worker/loop/parking.h"
#include "worker/loop/reader.h"
#include "worker/loop/request_runner.h"
#include "worker/loop/service_time.h"
#include "worker/loop/websockets.h"
#include "worker/wire/handoff.h"
#include "worker/wire/heritage.h"
#include "worker/wire/master_line.h"

namespace monodon::worker {

class Keeper;

// The loop of a worker: accept, read, run the application inline, answer.
//
// `threads` application threads share it; the one that leads waits in epoll. Functions
// say who may call them: "leader", "owner" (of the connection given), "any thread".
class Loop final : public Turns {
 public:
  Loop(Heritage& heritage, MasterLine& master, Application& app,
       scoreboard::WorkerPage& page);
  ~Loop() override;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Application thread `index`: leads and follows until stop(). Thread 0 leads first.
  void run_thread(unsigned index);

  // Instead, for an application that interleaves; see Turns.
  bool take(std::uint64_t deadline_ns, bool& readable) override;
  void watch(int fd) override;

  // Any thread: all application threads leave run_thread as soon as they can.
  void stop();

  // The keeper, while the leader is inside the application (the stay `seen`): acts on
  // commands and moves connections whose clients have sent something to other workers.
  // False: the stay was over.
  bool stand_in(std::uint64_t seen);
  // The keeper: makes a follower the leader. False: there is none, or the stay is over.
  bool promote(std::uint64_t seen);

  // Any thread. Stops accepting; connections without a request under way are handed on,
  // or closed when nobody is left to take them and what is handed on is not kept
  // either.
  void begin_drain(bool nobody_left);
  // The keeper, when the leader hangs: other workers get what can be moved from here.
  void step_aside();
  [[nodiscard]] const Drain& drain() const noexcept { return drain_; }

  [[nodiscard]] MasterLine& master() noexcept { return master_; }
  [[nodiscard]] Leadership& leadership() noexcept { return leadership_; }
  [[nodiscard]] ConnectionPool& pool() noexcept { return pool_; }
  [[nodiscard]] Acceptor& acceptor() noexcept { return acceptor_; }
  [[nodiscard]] Parking& parking() noexcept { return parking_; }
  [[nodiscard]] Flights& flights() noexcept { return flights_; }
  [[nodiscard]] WebSockets& sockets() noexcept { return sockets_; }
  // Main thread: a request in the air has become a WebSocket; what it is told.
  void upgraded(OpenFlight& flight);
  void tell(OpenFlight& flight, News news);
  void wake() noexcept { events_.wake(); }  // any thread: the leader
  [[nodiscard]] bool interleaves() const noexcept { return interleaves_; }
  [[nodiscard]] RequestRunner& requests() noexcept { return requests_; }
  [[nodiscard]] const Settings& settings() const noexcept { return settings_; }
  [[nodiscard]] std::vector<std::unique_ptr<AppThread>>& threads() { return threads_; }
  // The keeper: `f(flight)` for each that there may be.
  template <typename F>
  void each_flight(F f) {
    for (const auto& t : threads_) f(t->flight);
    flights_.each([&f](OpenFlight& flight) { f(flight); });
  }
  [[nodiscard]] scoreboard::WorkerHeader& header() noexcept { return page_.header(); }
  void note_signal() noexcept;  // async-signal-safe: SIGTERM came
  // A child of this process, to which nothing of it belongs: closes what there is, and
  // nothing else (base/process/forks.h).
  void let_go() noexcept;
  [[nodiscard]] std::string_view title() const noexcept { return title_; }
  void join_keeper();

 private:
  static constexpr std::size_t kBatch = 64;
  enum Tag : std::uint64_t {
    kWake = 1,
    kChannel = 2,
    kHandoff = 3,
    kSignal = 4,
    kTurn = 5,
    kListener = 16
  };
  static constexpr std::uint64_t kListenersEnd = 4096;

  void lead(unsigned me);
  void wait_for_events(AppThread& self, int timeout_ms = -1);
  void share_surplus();
  // Not inlined: tests/cost counts what happens in it.
  [[gnu::noinline]] void dispatch(const epoll_event& event, unsigned me);
  void accept(std::size_t listener, unsigned me);
  void take_over(unsigned me);
  void read_channel();
  void command(wire::Message message);
  void advance(Connection& c, unsigned me);
  void settle(Connection& c, const RequestRunner::Ending& ending, bool learns = true);
  // interleaving.cc
  void work();
  void stay_in_the_air(Connection& c);
  void hear_of(Connection& c, std::uint32_t events);
  void note_gone(Connection& c, std::uint32_t events);
  void bring(OpenFlight& flight, News news);
  void land(OpenFlight& flight);

  Heritage& heritage_;
  MasterLine& master_;
  const Settings& settings_;
  Application& app_;
  scoreboard::WorkerPage& page_;
  EventSet events_{kWake};
  ConnectionPool pool_;
  http::Forwarding forwarding_;
  Acceptor acceptor_;
  Exchange::Config exchange_;
  std::string title_;  // what ps(1) shows while nothing takes long
  Leadership leadership_;
  std::unique_ptr<Keeper> keeper_;
  Drain drain_;
  Parking parking_;
  const bool interleaves_;
  Flights flights_;
  WebSockets sockets_;
  RequestRunner requests_;
  std::vector<std::unique_ptr<AppThread>> threads_;
  std::atomic<std::uint64_t> followers_{0};  // bit i: thread i waits to be promoted

  // The leader's.
  Moment moment_;
  Reader reader_;
  std::array<epoll_event, kBatch> batch_{};
  std::size_t batch_next_ = 0;
  std::size_t batch_end_ = 0;
  bool turn_ends_ = false;
  ServiceTime service_time_;

  std::atomic<bool> signalled_{false};
};

}  // namespace monodon::worker
