// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>

#include "base/byte_buffer.h"
#include "base/unique_fd.h"
#include "worker/http/forwarded.h"
#include "worker/http/parser.h"
#include "worker/loop/body_spool.h"
#include "worker/loop/output.h"

namespace monodon::worker {

class OpenFlight;

// Who may touch a connection. A connection is owned by one thread at a time or parked:
// waiting in epoll for its client, for anybody to claim. An event for a connection that
// is owned leaves a note, so that no edge is lost.
class Ownership {
 public:
  // Claims a parked connection. False: somebody has it, and will see the note.
  [[nodiscard]] bool claim() noexcept {
    std::uint8_t seen = kParked;
    while (!word_.compare_exchange_weak(seen, seen == kParked ? kOwned : kNoted,
                                        std::memory_order_acq_rel)) {
    }
    return seen == kParked;
  }
  // Claims without leaving a note.
  [[nodiscard]] bool try_claim() noexcept {
    std::uint8_t seen = kParked;
    return word_.compare_exchange_strong(seen, kOwned, std::memory_order_acq_rel);
  }
  // The owner parks it. False: an event came meanwhile; the owner keeps it and looks.
  [[nodiscard]] bool park() noexcept {
    std::uint8_t seen = kOwned;
    if (word_.compare_exchange_strong(seen, kParked, std::memory_order_acq_rel))
      return true;
    word_.store(kOwned, std::memory_order_release);
    return false;
  }
  void take_new() noexcept { word_.store(kOwned, std::memory_order_release); }

 private:
  static constexpr std::uint8_t kParked = 0, kOwned = 1, kNoted = 2;
  std::atomic<std::uint8_t> word_{kOwned};
};

enum class Stage : std::uint8_t {
  closed,    // a free object of the pool
  preface,   // waiting for a PROXY header, or for what is none
  head,      // waiting for (the rest of) a request head; idle if nothing came yet
  body,      // waiting for the rest of a request body
  ready,     // a whole request, to be run
  upgraded,  // a WebSocket: its flight lasts as long as it
  writing,   // the client is slow: the keeper finishes the response
  linger,    // answered and shut down; reading off what the client still sends
};

// One client connection. Lives in the pool for ever; fields below `stage` belong to
// the owner, except where said otherwise.
struct Connection {
  explicit Connection(const Settings& settings)
      : body{settings.body_memory, settings.spool_directory} {}

  Ownership ownership;
  std::atomic<Stage> stage{Stage::closed};    // read by the keeper's sweep
  std::atomic<std::uint64_t> deadline_ns{0};  // of the present stage, 0: none

  UniqueFd fd;
  bool registered = false;  // in the leader's epoll
  bool guarded = false;     // its peer can send descriptors: base/process/passed_fds.h
  bool foreign = false;     // came from another worker, who may have kept a descriptor
  bool proxied = false;     // `peer` is who a PROXY header has named
  bool kept = false;        // has had a response: idle rather than new
  bool end_of_input = false;
  bool hangup = false;  // epoll told of the client's end: read until it is seen
  bool more = false;    // the last read took all it asked for: more may be there
                        // already, and no edge will tell
  std::uint16_t listener = 0;
  http::Peer peer;
  http::Origin origin;           // of the present request; views into `head` and `peer`
  OpenFlight* flight = nullptr;  // the main thread's: its request is in the air

  ByteBuffer input;
  std::size_t head_size = 0;  // bytes of `input` that `head` points into
  std::size_t scanned = 0;
  bool head_started = false;  // its deadline runs since its first byte
  http::RequestHead head;
  http::ChunkedDecoder chunked;
  std::uint64_t body_left = 0;
  std::uint64_t received_ns = 0;
  BodySpool body;

  // A response that the client takes slowly is shared with the keeper.
  std::mutex output_mutex;
  std::condition_variable output_taken;  // room again, or broken
  Output output;                         // under output_mutex
  bool output_shared = false;    // under output_mutex; the keeper watches the socket
  bool output_complete = false;  // under output_mutex: nothing more will be appended
  bool output_broken = false;    // under output_mutex: the client is gone
  std::uint64_t wants_room = 0;  // under output_mutex: serial of a flight that waits
                                 // until the client has taken most of it
  std::atomic<std::uint64_t> stalled_ns{0};  // since when the client has taken nothing
                                             // of it
  bool keep_after_output = false;
  bool end_tells = false;  // the client learns from the end of the connection that the
                           // response is over, or broke off

  // Ready for the next request, with the input that is there already.
  void next_request() {
    input.consume(head_size);
    head_size = 0;
    scanned = 0;
    head_started = false;
    chunked = {};
    body_left = 0;
    received_ns = 0;
    body.reset();
    origin = {};
    kept = true;
    stage.store(Stage::head, std::memory_order_relaxed);
  }
};

}  // namespace monodon::worker
