// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "bench/histogram.h"
#include "bench/load_options.h"
#include "bench/response_reader.h"

namespace monodon::bench {

// What came of a run.
struct LoadResult {
  Histogram fast;
  Histogram slow;  // the requests for slow_path
  double seconds = 0;
  std::uint64_t connects = 0;
  std::uint64_t refused = 0;     // connect(2) failed; not tried again
  std::uint64_t broken = 0;      // reset, cut short, or no HTTP
  std::uint64_t status = 0;      // other than 2xx
  std::uint64_t unanswered = 0;  // when the time was up and five seconds more
  std::uint64_t retried = 0;     // kept-alive connection closed before any answer
};

// One thread of clients on one epoll set.
//
// Closed loop: `connections` clients, each asks again when it has its answer. Open
// loop: requests are due at random times (a Poisson process of a fixed seed) whatever
// the server does; one that finds no free client waits in a queue, and its latency
// counts from when it was due. So a server that stalls cannot hide it by slowing the
// load down ("coordinated omission").
class LoadRun {
 public:
  explicit LoadRun(const LoadOptions& options);
  LoadResult run();

 private:
  struct Client {
    UniqueFd fd;
    bool busy = false;
    bool slow = false;
    bool used = false;  // has had an answer on this connection
    const std::string* request = nullptr;
    std::size_t sent = 0;
    std::uint64_t due_ns = 0;
    ResponseReader response;
  };
  struct Due {
    std::uint64_t ns;
    bool slow;
  };

  void start(Client& c, Due due);
  void connect(Client& c);
  void send(Client& c);
  void receive(Client& c);
  void finish(Client& c);
  void fail(Client& c, std::uint64_t& counter);
  void release(Client& c);
  void arrivals(std::uint64_t now_ns);
  void wait();
  [[nodiscard]] Due next_due(std::uint64_t now_ns);
  [[nodiscard]] bool over(std::uint64_t now_ns) const;

  const LoadOptions& options_;
  std::vector<std::string> texts_;
  std::string slow_text_;
  sockaddr_storage address_{};
  socklen_t address_size_ = 0;
  UniqueFd epoll_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<Client*> free_;
  std::deque<Due> waiting_;
  std::unique_ptr<char[]> buffer_;
  std::mt19937_64 random_{20240229};
  std::uint64_t begin_ns_ = 0;
  std::uint64_t end_ns_ = 0;
  double next_arrival_ns_ = 0;
  std::uint64_t started_ = 0;
  std::size_t busy_ = 0;
  LoadResult result_;
};

}  // namespace monodon::bench
