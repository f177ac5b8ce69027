// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "worker/http/request.h"
#include "worker/http/response_head.h"
#include "worker/wire/boot.h"

namespace monodon::worker {

// A request body, whole before the application runs. Read-only, rewindable, owned by
// the connection; gone when Application::serve returns.
class Body {
 public:
  virtual ~Body() = default;
  [[nodiscard]] virtual std::uint64_t size() const noexcept = 0;
  // Copies up to `size` bytes from `offset`; returns how many. 0 at the end.
  // -1: the spool file could not be read (logged already).
  virtual std::int64_t read(std::uint64_t offset, char* to, std::size_t size) = 0;
};

struct Request {
  const http::RequestHead* head = nullptr;
  Body* body = nullptr;
  const ListenerInfo* listener = nullptr;
  std::string_view remote_addr;  // "" for a Unix peer that nobody vouches for
  std::uint16_t remote_port = 0;
  std::string_view scheme;        // "http" or "https"
  std::string_view script_name;   // SCRIPT_NAME; usually empty
  std::string_view path_info;     // the path below it, not percent-decoded
  std::string_view request_id;    // the proxy's, or made here
  std::uint64_t received_ns = 0;  // CLOCK_MONOTONIC, head complete
};

// What became of a block of the body.
enum class Taken : std::uint8_t {
  sent,      // it is on its way
  unwanted,  // dropped: no body is allowed, or the last byte of it went before. Stop
             // producing, and finish()
  gone,      // the client left, or the request is past its deadline. Stop producing
};

// Where the application's answer goes. Used by the thread that runs the request,
// between entry and return of Application::serve. Nothing here waits for the client:
// what it does not take at once is copied to memory, then to an unlinked file, and is
// finished by the keeper. (Only beyond 1 GiB of spool does write() wait.)
class Response {
 public:
  virtual ~Response() = default;

  // Checks and keeps the head; nothing is sent yet, so another one may follow (PEP 3333
  // exc_info) until `sent()`. An error text is for the log: answer 500 then.
  virtual std::string take_head(const http::ResponseHead& head) = 0;
  // After it, once: how the body goes out. known_length: of the whole body, when known.
  // An error text as above.
  virtual std::string begin(std::optional<std::uint64_t> known_length) = 0;
  // Both.
  std::string begin(const http::ResponseHead& head,
                    std::optional<std::uint64_t> known_length) {
    std::string refusal = take_head(head);
    return refusal.empty() ? begin(known_length) : refusal;
  }
  [[nodiscard]] virtual bool begun() const noexcept = 0;
  [[nodiscard]] virtual bool sent() const noexcept = 0;  // head is on its way

  // Sends (head and) `data` now. Bytes over Content-Length, or where no body is
  // allowed, are dropped and, but for HEAD, logged once.
  virtual Taken write(std::string_view data) = 0;

  // Sends `count` bytes of a regular file from `offset` with sendfile(2). The
  // descriptor is duplicated when it is needed longer.
  virtual bool send_file(int fd, std::uint64_t offset, std::uint64_t count) = 0;

  // The rest of the body; head, data and end go out in one writev. Must be the last
  // call. Without it the response counts as cut short and the connection closes
  // without the terminating chunk, so that the client notices.
  virtual void finish(std::string_view data) = 0;

  // 103 Early Hints (RFC 8297), before the head; ignored for HTTP/1.0.
  virtual void early_hints(std::span<const http::Field> fields) = 0;

  // For an application that interleaves: so much waits for the client that nothing more
  // should be sent until Application::tell says `room`.
  [[nodiscard]] virtual bool congested() { return false; }
  // Likewise: nobody is there to answer. What is missing of the response is no error.
  virtual void abandon() noexcept {}

  // How long the thread waited for the runtime's lock, where that is measured.
  virtual void note_lock_wait(std::uint64_t /*ns*/) noexcept {}

  // Answers 500 if nothing was sent yet, else cuts the connection. `why` is logged.
  virtual void fail(std::string_view why) = 0;
};

// A request for a WebSocket, and then the server's end of it, for an application that
// interleaves. Until accept() its Response can answer it like any other request, which
// denies it. Main thread.
class WebSocket {
 public:
  struct Message {
    bool text = false;  // then it is valid UTF-8
    std::string payload;
  };

  virtual ~WebSocket() = default;
  // The subprotocols that the client offers, in its order.
  [[nodiscard]] virtual std::vector<std::string_view> offered() const = 0;
  // Answers 101, once. `subprotocol`: one of those, or "". An error text: it cannot be
  // sent like this, and nothing was.
  virtual std::string accept(std::string_view subprotocol,
                             std::span<const http::Field> fields) = 0;
  // The next message. False: none has come; or none will, if over().
  virtual bool receive(Message& message) = 0;
  // False: it is over. Whether the client takes it: Response::congested().
  virtual bool send(bool text, std::string_view payload) = 0;
  // Begins the closing handshake; it is over from now on. Code 0: one that says
  // nothing.
  virtual void close(std::uint16_t code, std::string_view reason) = 0;
  [[nodiscard]] virtual bool over() const noexcept = 0;
  // Then: whose close frame came first, and 1005 or 1006 without a code or a frame.
  [[nodiscard]] virtual std::uint16_t code() const noexcept = 0;
  [[nodiscard]] virtual const std::string& reason() const noexcept = 0;
};

// A request whose application had not answered it when start() returned.
class Pending {
 public:
  virtual ~Pending() = default;
  // Main thread: it is over. Nothing of the request will be used any more.
  virtual void done() noexcept = 0;

  void* own = nullptr;             // the application's
  WebSocket* websocket = nullptr;  // what the request asks for, where it does
};

// What a pending request is told.
enum class News : std::uint8_t {
  client_gone,  // or it will send nothing more
  room,         // the client has taken most of what waited for it, or never will
  deadline,     // the client has been answered: give it up
  message,      // of a WebSocket: there is something to receive(), or it is over
};

// The worker's loop, for an application that has one of its own around it.
class Turns {
 public:
  virtual ~Turns() = default;
  // Main thread. Serves until `deadline_ns` (CLOCK_MONOTONIC, 0: no limit), or until
  // Application::wants_turn. At least what is there already. False: all is over.
  // `readable`: what watch() was given ended it.
  virtual bool take(std::uint64_t deadline_ns, bool& readable) = 0;
  // Main thread, before the first turn: a descriptor of the application's own, which
  // ends a turn while it is readable.
  virtual void watch(int fd) = 0;
};

struct LoadError {
  std::int64_t failure = 3;  // wire::LoadFailure
  std::string reason;        // complete text with traceback
};

// What came of importing what an application imports at its first requests only. Each
// is a complete text, with its traceback.
struct LateImports {
  std::vector<std::string> broken;  // requests will fail of it
  std::vector<std::string> told;    // they need not
};

// Which worker this is, for those who are started in it.
struct WorkerInfo {
  std::uint32_t slot = 0;
  std::uint32_t serial = 0;
  std::uint32_t generation = 0;
  std::uint32_t threads = 1;
};

// The application and the runtime it lives in. Two implementations: Python's, in
// worker/python (the extension), and native applications in worker/native.
//
// Process and thread of each call are given; nothing here is called in the master.
class Application {
 public:
  virtual ~Application() = default;

  // Zygote, before load: what the site's configuration wants to run in this process.
  // An empty reason: go on.
  virtual LoadError prepare(const Boot& /*boot*/) { return {}; }

  // Zygote, with any of wire's OnceHook: hooks of the site that are called once. Before
  // its import, those that come before it; when_ready before the first fork, or
  // whenever no other process runs what it has left.
  struct HooksCalled {
    LoadError error;  // an empty reason: go on
    std::uint32_t left = 0;
    std::uint32_t running = 0;
  };
  virtual HooksCalled call_once(std::uint32_t /*hooks*/) { return {}; }

  // Zygote, main thread, around a wait for orders: threads that hooks have started run
  // meanwhile.
  virtual void wait_begins() noexcept {}
  virtual void wait_ends() noexcept {}

  // Zygote, before each fork of a worker.
  virtual void before_fork(const WorkerInfo& /*which*/) {}

  // Zygote (preload) or worker (else), main thread. Empty reason: loaded.
  virtual LoadError load(const Boot& boot) = 0;

  // Where load() was called, right after it: imports what would be imported later, from
  // a disk that the next deploy has changed by then.
  virtual LateImports import_late(const Boot& /*boot*/) { return {}; }

  // Zygote, before the first fork: workers shall tell what they import after it, a line
  // each, as in Boot::learned. `tell` is set in the worker, before start_worker(); any
  // application thread may call it.
  virtual void prepare_to_learn() {}
  using Tell = std::function<void(std::string_view lines, bool newer_than_the_zygote)>;
  virtual void tell_imports_to(Tell /*tell*/) {}

  // A throw-away child of the zygote: whether such a line can be imported before a
  // fork.
  // Zygote, between forks: imports lines that were found good in a throw-away child.
  // What has changed on the disk since the application was loaded is left alone.
  virtual void import_early(std::string_view /*lines*/) {}
  // Worker, whoever leads: the same, beside its requests, so that it needs no disk for
  // them. Does not wait.
  virtual void import_beside_requests(std::string_view /*lines*/) {}

  virtual bool can_be_imported_early(const std::string& /*line*/) { return false; }

  // Zygote, after load and warm-up, once: the application's own last word before the
  // first fork. A reason: its code is refused.
  virtual LoadError call_pre_fork() { return {}; }

  // Zygote, after that: cures what the import has left and a fork breaks (threads,
  // connections, locks), and names the rest, a line each; with the remedy if `explain`.
  // Collects and freezes garbage.
  virtual std::vector<std::string> prepare_to_fork(bool /*explain*/) { return {}; }

  // Zygote: the master keeps another number of workers from now on.
  virtual void workers_wanted(std::uint32_t /*now*/, std::uint32_t /*before*/) {}

  // Zygote: another program takes the place of the master's once this returns.
  virtual void upgrade_begins() {}

  // Zygote, right before stop_zygote(): the last worker has ended, and so does the
  // server.
  virtual void server_ends() {}

  // Zygote, at its end. `discard`: no worker was forked, and what the application has
  // registered for the end of a process is done; else only what workers left to us.
  virtual void stop_zygote(bool /*discard*/) {}

  // Zygote: the master has seen the end of a worker of this generation.
  virtual void worker_ended(const WorkerInfo& /*which*/, int /*pid*/) {}

  // Zygote. double_fork() of worker/process/double_fork.h with what the runtime needs
  // around it: the new process becomes the master's child. Returns like fork(2).
  virtual int fork() = 0;

  // Zygote. The same for a child of the zygote's own, which it reaps.
  virtual int fork_child() = 0;

  // Worker, main thread, after fork and load, before `ready`. A reason: the worker
  // must not serve.
  virtual LoadError start_worker(const WorkerInfo& /*info*/) { return {}; }

  // Worker or rehearsal, after start_worker: from now on the requests are rehearsed,
  // and the application can see that they are.
  virtual void rehearse() {}
  // Rehearsal, after its last request: what a worker calls before it ends.
  virtual void end_rehearsal() {}

  // Worker. Starts application thread number `index` (1..), which must call
  // `body(context, index)` and end when that returns. The main thread is number 0.
  virtual Outcome start_thread(unsigned index, void (*body)(void*, unsigned),
                               void* context) = 0;

  // Worker, main thread: runs `body` (the loop) until it returns; lets go of whatever
  // lock the runtime holds (the GIL).
  virtual void run_main(void (*body)(void*, unsigned), void* context) = 0;

  // Worker, any application thread. Must not throw. Returning without finish() or
  // fail() cuts the response short.
  virtual void serve(const Request& request, Response& response) noexcept = 0;

  // After load: whether one thread has many requests in progress. Then each is begun
  // with start(), and run_turns() takes the place of run_main().
  [[nodiscard]] virtual bool interleaves() const noexcept { return false; }

  // Worker, main thread. False: it is not over, and `pending` hears when it is; until
  // then all three stay where they are. Must not throw.
  virtual bool start(const Request& request, Response& response,
                     Pending& /*pending*/) noexcept {
    serve(request, response);
    return true;
  }

  // Worker, main thread, about a request that is not over. Must not throw.
  virtual void tell(Pending& /*pending*/, News /*news*/) noexcept {}

  // Worker, main thread, between two requests of a turn: the application has something
  // of its own to do.
  [[nodiscard]] virtual bool wants_turn() noexcept { return false; }

  // Worker, main thread: takes turns until all is over. A reason: the application ended
  // them before.
  virtual LoadError run_turns(Turns& /*turns*/) { return {}; }

  // Worker, an application thread that is about to wait, or to do something long that
  // is no request: lets go of what serve() may have kept for the next one.
  virtual void rest() noexcept {}

  // Worker, after start_worker: a descriptor that is readable once the runtime has a
  // signal to handle, or -1. EINTR is no substitute: a signal that comes just before
  // the wait, or that the kernel gives to another thread, interrupts nothing.
  [[nodiscard]] virtual int signal_fd() const noexcept { return -1; }

  // Main thread: signal_fd() is readable (worker), or a wait was interrupted (zygote).
  virtual void on_interrupt() {}

  // Worker, keeper thread; must not take the runtime's lock: stacks of all threads,
  // also when one of them is stuck in foreign code. "" when there are none.
  virtual std::string dump_stacks() { return {}; }

  // Worker, keeper thread: the request of some thread is past its deadline, and its
  // client has been answered. Must not wait.
  virtual void on_deadline() noexcept {}

  // Worker, main thread, after the last request.
  virtual void stop_worker() {}

  // Worker, keeper thread, instead of stop_worker() where the process ends with
  // requests unfinished; a second at most. told: it was ordered to leave at once.
  virtual void leave_at_once(bool /*told*/) {}
};

}  // namespace monodon::worker
