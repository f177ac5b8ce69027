// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace monodon {

// One end of it is descriptor 3 of the program that is started.
inline constexpr int kChannelFd = 3;

// A child of ours; its pid stays its own until it is reaped.
struct SpawnedChild {
  int pid = -1;
  UniqueFd pidfd;
  UniqueFd channel;  // SOCK_SEQPACKET; our end does not block and takes no descriptors
};

// Where its standard streams go; -1: where ours do.
struct StandardStreams {
  int input = -1;
  int output = -1;
  int errors = -1;
};

struct Channel {
  UniqueFd ours;
  UniqueFd theirs;
};

// A pair as above. Their end blocks.
Result<Channel> make_channel();

// Starts argv[0], a path, with a channel, `more` (where not -1) as the descriptors
// after it, and no other beyond the standard ones; all signals at their default, `held`
// (where not 0) blocked. It has the rights that this process has at that time. For
// processes with one thread.
Result<SpawnedChild> spawn_with_channel(const std::vector<std::string>& argv,
                                        const std::vector<std::string>& environment,
                                        std::span<const int> more,
                                        const StandardStreams& streams = {},
                                        int held = 0);

// Waits for its end; 128 + signal where one ended it.
int exit_status_of(const SpawnedChild& child);

// Ends a child that nobody knows of yet, and reaps it.
void abandon_child(int pid);

}  // namespace monodon
