// SPDX-License-Identifier: Apache-2.0
// The rows of the table that are about WebSockets.
#include "master/config/rows.h"

namespace monodon::master::rows {
namespace {

using W = worker::Settings;

constexpr Setting kWebSockets[] = {
    {.key = "websocket_max_message",
     .kind = Kind::size,
     .field = &W::websocket_max_message,
     .doc = "Largest message of a client; a larger one ends its WebSocket with 1009.",
     .more = "All fragments of it together. One message of each WebSocket can be in "
             "memory while it arrives, and up to 1M of whole ones while the "
             "application does not receive them.",
     .smallest = 1,
     .largest = kGiB},
    {.key = "websocket_ping_interval",
     .kind = Kind::duration,
     .field = &W::websocket_ping_interval,
     .doc = "Time after which a WebSocket whose client says nothing is sent a ping; 0: "
            "never.",
     .more = "It keeps proxies from closing the connection (nginx: proxy_read_timeout, "
             "60 s), and finds clients that are gone. The application does not notice.",
     .largest = kDay},
    {.key = "websocket_ping_timeout",
     .kind = Kind::duration,
     .field = &W::websocket_ping_timeout,
     .doc = "Time that a client has to answer a ping before its WebSocket is closed; "
            "0: no limit.",
     .more = "Anything that it says counts.",
     .largest = kDay},
    {.key = "websocket_drain",
     .kind = Kind::duration,
     .field = &W::websocket_drain,
     .doc = "Time over which a worker that leaves closes its WebSockets, with 1012.",
     .more = "Evenly, so that their clients do not all come back at once. A reload "
             "waits for it with each worker. Half of graceful_timeout at most: "
             "applications have the rest to finish.",
     .largest = kHour},
};

}  // namespace

std::span<const Setting> websockets() {
  return kWebSockets;
}

}  // namespace monodon::master::rows
