// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/net/net_address.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace monodon {

// Lines to a syslog daemon, in the form that Gunicorn's handler (logging.handlers
// .SysLogHandler) gives them: "<PRIORITY>TAG: [PID] text" and a NUL; RFC 3164 without
// its date and host, which daemons add.
//
// Never blocks: what is not taken at once is dropped, with TCP after 256 KiB that wait.
// A connection that broke, or whose daemon was started again, is made anew, once a
// second at most. Not thread-safe. A child after fork may go on using it, with a
// connection of its own.
class Syslog {
 public:
  struct Options {
    std::string
        address;  // "unix:///dev/log", "...#stream", "udp://host:514", "tcp://host"
    std::string facility;  // "user", "local0"
    std::string tag;       // "gunicorn.shop.error"
  };

  // RFC 5424 6.2.1.
  enum class Severity : std::uint8_t { critical = 2, error, warning, info = 6, debug };

  // "" for an address or a facility that there is, else what is wrong with it.
  [[nodiscard]] static std::string wrong_address(std::string_view address);
  [[nodiscard]] static std::string wrong_facility(std::string_view facility);

  Syslog() = default;  // swallows everything
  // Finds the address of the host once. That nobody listens yet is no Error.
  static Result<Syslog> open(const Options& options);

  [[nodiscard]] bool enabled() const noexcept { return address_.has_value(); }
  // One line, without its end; controls in it are escaped.
  void send(Severity severity, std::string_view text);

 private:
  bool connect();
  bool transmit(std::string_view message);
  bool push();

  std::optional<SocketAddress> address_;
  int type_ = 0;         // SOCK_DGRAM, SOCK_STREAM
  bool either_ = false;  // a Unix socket of either type
  int facility_ = 1;
  std::string tag_;
  UniqueFd socket_;
  pid_t owner_ = 0;      // that made the socket
  std::string waiting_;  // for a stream that takes no more now
  std::uint64_t next_try_ns_ = 0;
};

}  // namespace monodon
