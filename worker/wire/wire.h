// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace monodon::wire {

// What master, zygote and workers say to each other.
//
// Every pair of processes has its own SOCK_SEQPACKET socket pair; a message is one
// packet: a Frame, then up to kMaxText bytes of text, then descriptors (SCM_RIGHTS).
// End of file means that the other side is dead, in both directions.
//
// The master believes nothing it reads: it drops a frame whose size, kind, slot or
// serial does not match its own table (a message may outlive its sender).
enum class Kind : std::uint32_t {
  // master -> zygote
  boot = 1,  // text: worker::Settings as JSON, fds: handoff tx, handoff rx,
             // then the listeners in the order of Boot::listeners
  fork = 2,  // fds: channel of the new worker, its scoreboard page (memfd);
             // value: bits of ForkOrder
  quit = 3,  // no more workers will be wanted; end of file means the same. value 1: the
             // server ends with that
  // A worker of its generation did; value: pid. For the hooks of a gunicorn.conf.py.
  worker_ended = 4,
  // text: names of modules, a line each. A throw-away child of the zygote imports them.
  judge_imports = 5,
  handoff_pair = 6,  // fds: a new handoff tx, rx, for the workers to come
  // Answer requests in a process of its own that accepts none
  // (worker/wire/rehearsal.h);
  // value: milliseconds for all; text: the targets.
  rehearse = 7,
  // text: as of judge_imports, of those that were found good: the zygote imports them
  // (and so do its workers, which are told the same),
  // so that its workers to come have them from memory.
  import_early = 9,
  ping = 8,  // answered by `pong`, as soon as nothing else is done
  // For the hooks of a gunicorn.conf.py. value: how many workers are wanted from now
  // on;
  // slot: how many were before.
  workers_wanted = 50,
  upgrade = 51,  // another program is about to take over; answered by `upgrade_heard`
  call_hooks = 53,  // value: bits of OnceHook, which run in no other process any more

  // zygote -> master
  loaded = 10,       // ready to fork; value: milliseconds the import took, or -1: the
                     // workers import
  load_failed = 11,  // value: a LoadFailure; text: the reason, traceback included
  forked = 12,       // value: pid, already a child of the master (subreaper)
  fork_failed = 13,  // value: errno
  warning = 14,      // text: for the log (threads before fork, ...)
  broken = 15,       // text: a part of the application that cannot be imported
  // preload: auto. The import has left what a fork breaks: text, a line each. The
  // zygote
  // ends; one that imports nothing shall take its place.
  shared_state = 16,
  importable =
      17,  // text: those of the names of judge_imports that are safe, a line each
  rehearsed = 18,  // text: what came of `rehearse`
  pong = 19,
  upgrade_heard = 52,
  // Of OnceHook. value: which were called; slot: those that have left something in the
  // zygote; serial: those of which something runs there (threads, sockets).
  hooks_called = 54,

  // worker -> master
  ready = 20,        // accepts connections; value 1: without a part that is broken
  boot_failed = 21,  // value: a LoadFailure (preload: false), text: the reason
  retire = 22,       // wants to be replaced; value: a Retire
  drained = 23,      // nothing runs any more; exits at once
  slow = 25,      // slow_request struck; text: the Python stacks, for the post-mortem
  stuck = 24,     // request_timeout struck, the client has its 504; text: what ran
  hangs = 26,     // a thread does not move, outside of the application; text: where
  checking = 27,  // begins its health check; `ready` or `boot_failed` follows

  learned =
      28,  // text: names of modules that were imported after the fork, a line each

  // master -> worker
  drain = 30,  // stop accepting, finish, hand idle connections on, exit;
               // value 1: nobody is left to take connections, close them
  stop = 31,   // leave now
  reopen_logs = 32,
  dump = 33,  // write the Python stacks into the one descriptor, and close it
  // A worker was killed. The kernel may have woken it, and nobody else, for a connection
  // that it did not take any more (EPOLLEXCLUSIVE).
  look = 34,

  // worker -> worker, over the shared pair; see worker/wire/handoff.h
  handoff = 40,
};

// What a new worker has to do before it is ready; bits.
enum ForkOrder : std::int64_t {
  kCheckHealth = 1,
  kRefuseBroken = 2,  // preload: false: as Boot::reload
};

// Why an application could not be loaded; also the exit status of `monodon serve`
// when it happens at the first start (Gunicorn's: 3 import error, 4 no such name).
enum class LoadFailure : std::int64_t {
  not_ready = 1,  // loaded, but post_fork raised, or the health check failed
  import_error = 3,
  no_such_attribute = 4,
};

enum class Retire : std::int64_t {
  max_requests = 1,
  max_lifetime = 2,
  max_memory = 3,
  asked = 4,  // SIGTERM to the worker itself
};

struct Frame {
  Kind kind{};
  std::uint32_t slot = 0;
  std::uint32_t serial = 0;  // of the worker this is about; 0 for the zygote's own
  std::uint32_t generation = 0;
  std::int64_t value = 0;
};
static_assert(sizeof(Frame) == 24);

inline constexpr std::size_t kMaxText = 64 * 1024;
inline constexpr std::size_t kMaxFds = 64;

struct Message {
  Frame frame;
  std::string text;
  std::vector<UniqueFd> fds;
};

// Sends one packet without blocking and without SIGPIPE. Text over kMaxText is cut.
// EAGAIN: the other side does not read; EPIPE: it is dead.
Outcome send(int socket, const Frame& frame, std::string_view text = {},
             std::span<const int> fds = {});

// Whether the same send may succeed later: the other side does not read, or the kernel
// is short of memory. Otherwise the other side is dead.
[[nodiscard]] bool may_pass(const Error& refusal) noexcept;

// Takes one packet. The descriptors are CLOEXEC. Errors: EAGAIN (nothing there),
// ECONNRESET with what == "end of file" (the other side is gone), EPROTO (not a Frame:
// wrong size or truncated), EBADMSG (the same, with descriptors). `dispose` gets those,
// where closing them may wait. With it this never blocks; without it, unless `socket`
// is non-blocking, which whoever shares the socket can change.
using Disposal = void (*)(std::vector<UniqueFd> fds);
Result<Message> receive(int socket, Disposal dispose = nullptr);

}  // namespace monodon::wire
