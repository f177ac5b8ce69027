// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace monodon::metrics {

// A listening socket, as the master knows it.
struct ListenerFacts {
  std::string address;
  bool unix_socket = false;
  std::uint64_t inode = 0;  // fstat(2) of the socket

  bool operator==(const ListenerFacts&) const = default;
};

struct QueueDepth {
  std::uint32_t waiting = 0;
  std::uint32_t limit = 0;
};

// Asks the kernel how many connections wait at listening sockets, Unix sockets
// included: sock_diag(7), which needs no privilege and no descriptor of the socket.
class SocketDiagnosis {
 public:
  // An Error: the kernel has no sock_diag, or a sandbox forbids it.
  static Result<SocketDiagnosis> open();

  // Of each socket in `listeners` that the kernel knows, by inode. Waits for the kernel
  // only.
  [[nodiscard]] std::map<std::uint64_t, QueueDepth> ask(
      const std::vector<ListenerFacts>& listeners) const;

 private:
  explicit SocketDiagnosis(UniqueFd fd) : fd_{std::move(fd)} {}
  UniqueFd fd_;
};

// What was seen at one listener lately.
class QueueHistory {
 public:
  static constexpr std::uint64_t kSpanNs = 60'000'000'000;

  void note(QueueDepth depth, std::uint64_t now_ns);
  [[nodiscard]] QueueDepth last() const { return last_; }
  [[nodiscard]] std::uint32_t highest(std::uint64_t now_ns) const;  // of the span

 private:
  struct Peak {
    std::uint64_t at_ns;
    std::uint32_t waiting;
  };
  QueueDepth last_;
  std::deque<Peak> peaks_;  // falling: each was not reached again since
};

}  // namespace monodon::metrics
