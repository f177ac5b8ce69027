// SPDX-License-Identifier: Apache-2.0
// Access lines that the application's logger chooses, one for each thread.
#include "worker/own_line.h"

#include <utility>

namespace monodon::worker {
namespace {

struct Chosen {
  OwnLine::Way way = OwnLine::Way::servers;
  std::string text;
};

Chosen& chosen() {
  thread_local Chosen mine;
  return mine;
}

}  // namespace

std::atomic<bool> OwnLine::used_{false};

void OwnLine::choose(Way way, std::string_view text) {
  used_.store(true, std::memory_order_relaxed);
  chosen().way = way;
  chosen().text = text;
}

OwnLine::Way OwnLine::take_chosen(std::string_view& text) {
  text = chosen().text;
  return std::exchange(chosen().way, Way::servers);
}

}  // namespace monodon::worker
