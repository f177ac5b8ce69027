// SPDX-License-Identifier: Apache-2.0
// Fuzz target: what a client sends on a WebSocket, whole and in pieces.
#include <algorithm>
#include <string>

#include "base/text/escape.h"
#include "tests/fuzz/target.h"
#include "worker/websocket/session.h"

namespace monodon {
namespace {

using websocket::Session;

struct Heard {
  std::string events;
  std::string broken;  // what does not hold
};

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void note(Session& session, Session::Event event, std::uint64_t most, Heard& heard) {
  if (event == Session::Event::none) return;
  heard.events += std::to_string(static_cast<int>(event)) + ":";
  if (event == Session::Event::text || event == Session::Event::binary) {
    heard.events += session.message();
    if (session.message().size() > most) heard.broken = "a message over the limit";
    if (event == Session::Event::text && !is_utf8(session.message()))
      heard.broken = "a text that is not UTF-8";
  } else if (event == Session::Event::closed) {
    heard.events += std::to_string(session.code()) + session.reason();
    if (!session.over()) heard.broken = "closed and not over";
    if (session.code() != 1005 && !websocket::may_be_sent(session.code()))
      heard.broken = "a close code that may not be sent";
    if (!is_utf8(session.reason())) heard.broken = "a reason that is not UTF-8";
  }
}

Heard listen(std::string input, std::size_t piece, std::uint64_t most) {
  Session session{most};
  Heard heard;
  for (std::size_t at = 0; at < input.size();) {
    const std::size_t end = std::min(input.size(), at + piece);
    while (at < end && heard.broken.empty()) {
      std::size_t used = 0;
      const bool was_over = session.over();
      const auto event = session.take(input.data() + at, end - at, used);
      note(session, event, most, heard);
      if (was_over && event != Session::Event::none)
        heard.broken = "more after its end";
      if (used > end - at) heard.broken = "took more than there is";
      if (used == 0 && event == Session::Event::none) heard.broken = "stands still";
      at += used;
    }
    if (!heard.broken.empty()) break;
    // Pings whose answers nobody takes must not pile up.
    if (session.output().size() > 2 * 127 + 127 * (input.size() / piece + 1))
      heard.broken = "answers pile up";
  }
  return heard;
}

std::string broken_websocket(std::string_view input, std::uint32_t seed) {
  const std::uint64_t most = seed % 2 == 0 ? 100 : 5000;
  const Heard whole = listen(std::string{input}, input.size() + 1, most);
  if (!whole.broken.empty()) return whole.broken;
  const Heard parts = listen(std::string{input}, 1 + seed % 19, most);
  if (!parts.broken.empty()) return parts.broken;
  if (parts.events != whole.events) return "pieces are heard as something else";
  return {};
}

const fuzz::Target kTarget{"websocket", broken_websocket};

}  // namespace
}  // namespace monodon
