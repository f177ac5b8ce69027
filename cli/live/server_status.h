// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/live/control_client.h"
#include "metrics/observation/listen_queue.h"
#include "scoreboard/board_view.h"
#include "scoreboard/page_view.h"

namespace monodon::cli {

// One slot: what the master says for certain, and what its worker's page says.
struct SlotStatus {
  std::uint32_t slot = 0;
  std::string state;         // master::State by name, or "resting"
  std::uint32_t serial = 0;  // 0: no process
  std::uint32_t generation = 0;
  std::int64_t pid = 0;  // 0: none
  double age = 0;        // seconds since the process was asked for
  double next_try = 0;   // seconds; resting
  std::string reason;    // resting: why no process could be made, if that is why
  std::uint64_t starts = 0;
  std::uint64_t failures = 0;                    // in a row
  std::optional<scoreboard::WorkerReport> page;  // of this very worker
  scoreboard::Totals totals;  // of every worker that was ever in this slot
  std::uint64_t memory = 0;   // PSS, bytes; 0: not known
  std::uint64_t cpu_us = 0;   // of the present process; 0: not known
};

// How many connections wait in the kernel to be accepted.
struct QueueStatus {
  std::string listener;
  std::uint32_t waiting = 0;
  std::uint32_t limit = 0;
};

struct ServerStatus {
  std::string version;
  std::int64_t pid = 0;
  std::string site;  // its name
  std::string application;
  std::uint32_t generation = 0;
  std::uint32_t candidate = 0;  // being imported or tried; 0: none
  std::string step;             // of a reload: master::ReloadStep by name
  std::uint32_t reload = 0;     // the generation that it brings in
  std::uint32_t fallback = 0;   // the generation that can still come back; 0: none
  double fallback_seconds = 0;  // for how long
  std::string fallback_disk;    // what it would lack, in brackets
  std::string fell_back;        // why the code committed last is not what serves
  std::uint32_t workers = 0;    // wanted
  bool stopping = false;
  // Of the generation that served when the server was asked.
  struct Preload {
    std::string setting;               // auto, true, false
    bool shared = true;                // one import for all workers
    std::vector<std::string> because;  // what the import left that a fork breaks
  };
  std::optional<Preload> preload;  // nothing: not known
  // What workers are forked from is not there: a worker that dies is not replaced.
  struct NoZygote {
    std::string reason;
    double next_try = 0;  // seconds; 0: it imports now
  };
  std::optional<NoZygote> no_zygote;  // nothing: it is, as usual
  struct LastReload {
    std::string outcome;           // committed, refused, rolled_back, fell_back
    std::uint32_t generation = 0;  // 0: it got no number
    std::int64_t unix_seconds = 0;
    double seconds = 0;  // that it took
    std::string reason;  // lines
  };
  std::optional<LastReload> last_reload;  // nothing: there was none
  struct Death {
    std::int64_t unix_seconds = 0;
    std::string text;
  };
  std::vector<Death> deaths;  // of workers, unasked; the newest at the end
  scoreboard::BoardReport board;
  std::vector<SlotStatus> slots;
  std::vector<metrics::ListenerFacts> listeners;
  std::vector<QueueStatus> queues;  // of those that can be seen
  std::uint64_t now_ns = 0;         // CLOCK_MONOTONIC
};

// The server as its shared memory shows it, again and again, with one answer to
// {"op":"status"}: the master has no part in a look, and is not waited for.
class ServerView {
 public:
  // An Error: not such an answer. Its descriptors are not needed afterwards.
  static Result<ServerView> open(const Answer& answer);
  ServerView(ServerView&&) noexcept;
  ServerView& operator=(ServerView&&) noexcept;
  ~ServerView();

  // As it is now, but for the memory of the workers and kernel_facts.h. Never waits.
  [[nodiscard]] ServerStatus read();
  // At the last look there was a worker whose page did not come with the answer: it is
  // time to ask for another answer.
  [[nodiscard]] bool outdated() const { return outdated_; }

 private:
  struct Page;
  ServerView();
  ServerStatus then_;  // what the answer said
  std::optional<scoreboard::BoardView> board_;
  std::map<std::uint32_t, Page> pages_;  // by slot
  bool outdated_ = false;
};

// Puts the answer to {"op":"status"} together with the pages behind its descriptors
// and, if the pids can be looked up, the memory of the workers. An Error: not such an
// answer.
Result<ServerStatus> read_status(const Answer& answer);

}  // namespace monodon::cli
