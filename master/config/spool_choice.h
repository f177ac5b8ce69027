// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "worker/wire/settings.h"

namespace monodon::master {

// Where bodies go that memory is not for.
struct SpoolChoice {
  std::string directory;  // or kSpoolMemory
  std::string why;        // it and not one before it, with their reasons; "": the first
  bool as_asked = true;   // false: spool_directory is set and cannot be used
  std::uint64_t limit = 0;  // bytes that all workers may hold together

  // A sentence for the log: "large bodies are spooled in /tmp, at most 4G: ...".
  [[nodiscard]] std::string told() const;
};

// Tries spool_directory or, where there is none or it cannot be used, $TMPDIR (of the
// settings, then of this process), /var/tmp and /tmp, each by writing a file there,
// with the rights of the caller; memory in the end.
SpoolChoice choose_spool(const worker::Settings& settings);

}  // namespace monodon::master
