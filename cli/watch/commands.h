// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace monodon::cli {

// What a watcher is started with, by master/helpers/watcher_host.h. Paths are absolute.
struct WatchOptions {
  std::vector<std::string> roots;     // directories of the application's own code
  std::vector<std::string> patterns;  // --reload-extra-file
  std::string engine = "auto";        // auto, inotify, poll
  // Nobody has watched since: ns of the system's clock; 0: it is the first.
  std::int64_t since = 0;
};

// A process of the master's: looks at files until its channel, descriptor 3, ends. From
// descriptor 4 (worker::kModulesFd of the others) it reads the files of loaded modules,
// a line each. What it says on the channel, one message each: "FILE and 3 others",
// which have changed; or, after "!", what the operator should know.
int run_watch(const WatchOptions& options);

}  // namespace monodon::cli
