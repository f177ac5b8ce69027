// SPDX-License-Identifier: Apache-2.0
// Connections to use again, at addresses that stay.
#include "worker/loop/connection_pool.h"

#include <sys/socket.h>

#include <utility>

#include "base/process/closer.h"
#include "base/process/forks.h"
#include "base/process/passed_fds.h"

namespace monodon::worker {

namespace {

// With few connections their buffers are worth keeping; with thousands of idle ones
// the memory is.
constexpr std::size_t kKeepBuffers = 64;

}  // namespace

bool ConnectionPool::grow() {
  const std::size_t used = chunks_used_.load(std::memory_order_relaxed);
  if (used == kMostChunks) return false;
  auto chunk = std::make_unique<Chunk>();
  for (auto& item : chunk->items) item = std::make_unique<Connection>(settings_);
  for (std::size_t i = kChunk; i-- > 0;) free_.push_back(chunk->items[i].get());
  chunks_[used] = std::move(chunk);
  chunks_used_.store(used + 1, std::memory_order_release);
  return true;
}

Connection* ConnectionPool::take() {
  Connection* c = spare_.exchange(nullptr, std::memory_order_acquire);
  if (c == nullptr) {
    const std::lock_guard lock{mutex_};
    if (free_.empty() && !grow()) return nullptr;
    c = free_.back();
    free_.pop_back();
  }
  c->ownership.take_new();
  c->stage.store(Stage::head, std::memory_order_relaxed);
  c->deadline_ns.store(0, std::memory_order_relaxed);
  open_.fetch_add(1, std::memory_order_relaxed);
  return c;
}

namespace {

// Who had it before can make its last owner wait in close(2), and so can a peer that
// sent descriptors which nobody has read.
void close_socket(Connection& c, bool moved) {
  if (!c.fd) return;
  if (!moved && (c.end_tells || has_forked())) (void)::shutdown(c.fd.get(), SHUT_WR);
  if (c.foreign || (c.guarded && (moved || has_unread(c.fd.get()))))
    Closer::of_process().close(std::move(c.fd));
  else
    c.fd.reset();
}

}  // namespace

void ConnectionPool::give(Connection& c, bool moved) {
  c.stage.store(Stage::closed, std::memory_order_relaxed);
  c.deadline_ns.store(0, std::memory_order_relaxed);
  {
    // The keeper may be sending: of a request past its deadline, or because of an event
    // that it had got before. It must not go on with what is then the descriptor of
    // another connection.
    const std::lock_guard lock{c.output_mutex};
    close_socket(c, moved);
    c.output.clear();
    c.output_shared = c.output_complete = c.output_broken = c.keep_after_output = false;
    c.end_tells = false;
  }
  c.registered = c.guarded = c.foreign = c.proxied = c.kept = false;
  c.end_of_input = c.hangup = c.more = false;
  c.head_size = c.scanned = 0;
  c.head_started = false;
  c.chunked = {};
  c.body_left = 0;
  c.received_ns = 0;
  c.body.reset();
  c.peer = {};
  c.origin = {};
  if (open_.load(std::memory_order_relaxed) > kKeepBuffers)
    c.input.release();
  else
    c.input.clear();
  open_.fetch_sub(1, std::memory_order_relaxed);
  Connection* before = spare_.exchange(&c, std::memory_order_acq_rel);
  if (before == nullptr) return;
  const std::lock_guard lock{mutex_};
  free_.push_back(before);
}

}  // namespace monodon::worker
