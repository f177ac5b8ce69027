// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/net/unix_address.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace monodon {

// journald's native protocol (systemd: docs/JOURNAL_NATIVE_PROTOCOL.md): one datagram
// an entry, a sealed memfd instead when the entry is too large for one.
//
// Never blocks: an entry that the journal does not take at once is dropped and
// counted. The socket is addressed anew by each entry, so a journald that restarts is
// found again. Not thread-safe. A child after fork may go on using it.
class Journal {
 public:
  Journal() = default;  // swallows everything
  static Result<Journal> open(const std::string& socket_path);

  void send(std::string_view entry);
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }
  void forget() noexcept { dropped_ = 0; }

  // Appends one field to an entry. `name` is put into the form that the journal
  // accepts: A-Z, 0-9 and _, a letter first, at most 64 characters.
  static void append_field(std::string& entry, std::string_view name,
                           std::string_view value);

 private:
  bool send_large(std::string_view entry);

  std::optional<UnixAddress> address_;
  UniqueFd socket_;
  std::uint64_t dropped_ = 0;
};

// Whether `fd` is the stream that journald gave this service (JOURNAL_STREAM,
// systemd.exec(5)); an inherited variable alone proves nothing.
[[nodiscard]] bool is_journal_stream(int fd);

}  // namespace monodon
