// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "scoreboard/page.h"
#include "worker/access/access_writer.h"
#include "worker/application.h"
#include "worker/http/forwarded.h"
#include "worker/loop/app_thread.h"
#include "worker/loop/drain.h"
#include "worker/loop/leadership.h"
#include "worker/loop/refusals.h"
#include "worker/wire/master_line.h"

namespace monodon::worker {

class Flights;
class Keeper;
class OpenFlight;
struct NamedFile;
class StaticFiles;
class WebSockets;

// One request from its last byte to the end of its response: who it is from, the
// application, counters and access log. What comes before is Reader's, what becomes of
// the connection is Loop's.
class RequestRunner {
 public:
  enum class Next : std::uint8_t {
    keep,    // the connection may have a next request
    close,   // it ends
    linger,  // answered and shut down: Stage::linger
    wait,    // the client is slow: the keeper owns it now; or it is in the air
  };
  struct Ending {
    Next next;
    bool leading;           // the caller still (or again) leads
    std::uint64_t now_ns;   // CLOCK_MONOTONIC
    std::uint64_t took_ns;  // since the request was complete
  };

  // All of them outlive the runner.
  RequestRunner(const Heritage& heritage, MasterLine& master, Application& app,
                const http::Forwarding& forwarding, Leadership& leadership,
                const Drain& drain, Keeper& keeper, Flights& flights,
                WebSockets& sockets);
  ~RequestRunner();

  // The leader, owner of `c`, which is Stage::ready. Lets others lead meanwhile.
  Ending run(Connection& c, AppThread& t);

  // The main thread: the application is done with a request that was in the air.
  Ending land(OpenFlight& flight, AppThread& t);

  // The main thread: a request in the air was accepted as a WebSocket.
  void upgrade(OpenFlight& flight, AppThread& t);

  // The leader, owner of `c`: not a request, or one that we do not pass on. One answer,
  // then the connection lingers.
  Ending refuse(Connection& c, const http::ParseError& why, AppThread& t);

  // The leader, or the keeper: why, for the log (see Refusals).
  void tell_refusal(const Connection& c, const http::ParseError& why);

  // Any thread that owns or holds `c`. No id: nothing of the request ran.
  [[nodiscard]] bool is_skipped(const Connection& c, int status) const;
  void log_access(std::string_view request_id, const Connection& c, int status,
                  std::uint64_t body_bytes, std::uint64_t now_ns,
                  std::string_view response_head, std::uint16_t close_code = 0);
  [[nodiscard]] AccessWriter& access() noexcept { return access_; }

 private:
  Ending launch(Connection& c, AppThread& t);
  Ending land_socket(OpenFlight& flight, AppThread& t);
  static Next linger(Connection& c);
  void count_request();
  Ending serve_file(Connection& c, AppThread& t, const NamedFile& file);
  Ending ending_of(Connection& c, const Exchange::Result& result, Ending ending);
  [[nodiscard]] Request request_of(Connection& c, const Flight& flight) const;
  void note_dropped_fields(scoreboard::ThreadRow& row, std::uint32_t count);
  void begin(Flight& flight, Connection& c, AppThread& t, std::uint64_t serial);
  void account(Connection& c, AppThread& t, Flight& flight, const Exchange::Result& r,
               bool expired, std::uint64_t now);

  const Heritage& heritage_;
  MasterLine& master_;
  Application& app_;
  const http::Forwarding& forwarding_;
  Leadership& leadership_;
  const Drain& drain_;
  Keeper& keeper_;
  Flights& flights_;
  WebSockets& sockets_;
  const bool interleaves_;
  std::unique_ptr<StaticFiles> files_;  // null: none are to be served
  AccessWriter access_;
  const bool counts_;  // to statsd
  Refusals refusals_;
  std::atomic<bool> told_dropped_{false};
  std::atomic<std::uint64_t> requests_{0};  // only counted with max_requests
  std::uint64_t max_requests_;              // with this worker's jitter
};

}  // namespace monodon::worker
