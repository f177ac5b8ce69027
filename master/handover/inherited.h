// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "master/handover/fd_store.h"
#include "master/system/listeners.h"

namespace monodon::master {

// The sockets that systemd passed (sd_listen_fds_with_names(3)); none when it passed
// none. They are used as they are: never bound, unlinked or given another backlog. An
// error names the first that is not a listening stream socket. Those named "metrics"
// and "control" are not for requests: see take_listener; what an earlier master has
// left goes to `found`. Removes LISTEN_* from the environment.
Result<std::vector<Listener>> inherit_listeners(Heirlooms& found);

// Takes the first of that name (FileDescriptorName=) out of them, if there is one.
std::optional<Listener> take_listener(std::vector<Listener>& listeners,
                                      std::string_view name);

}  // namespace monodon::master
