// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "worker/python/asgi/conversation.h"
#include "worker/python/asgi/scope.h"
#include "worker/python/asgi/socket_conversation.h"
#include "worker/python/asgi/tasks.h"
#include "worker/python/gateway.h"
#include "worker/python/py.h"

namespace monodon::python {

// A loaded ASGI application (ASGI 3.0: HTTP, WebSocket, lifespan) and its event loop.
//
// The loop is asyncio's own, with a selector of ours: its select() is a turn of the
// worker's loop (take_turn), in whose epoll set asyncio's is one descriptor. A request
// whose coroutine does not wait is answered without leaving it. The loop is made in the
// worker, after the fork.
class AsgiApplication final : public Gateway {
 public:
  // A MakeGateway.
  static std::unique_ptr<Gateway> make(const worker::Boot& boot, Ref application);

  AsgiApplication(const worker::Boot& boot, Ref application, Ref server_type)
      : boot_{boot},
        application_{std::move(application)},
        server_type_{std::move(server_type)} {}

  // Where the loop does not run yet: it runs until the answer is complete.
  void answer(const worker::Request& request, worker::Response& response) override;
  void replace(Ref application) override { application_ = std::move(application); }
  void rehearse() override {}
  [[nodiscard]] bool interleaves() const noexcept override { return true; }
  bool start(const worker::Request& request, worker::Response& response,
             worker::Pending& pending) override;
  void tell(worker::Pending& pending, worker::News news) override;
  [[nodiscard]] bool wants_turn() override;
  worker::LoadError run_turns(worker::Turns& turns) override;
  worker::LoadError start_worker() override;
  void stop_worker() override;

  // For the selector: serves for `timeout` (a number of seconds, or None). False: an
  // exception is set. `own`: descriptors of asyncio's may be readable.
  bool take_turn(PyObject* timeout, bool& own);

  // What a conversation has kept back goes out at the end of this turn of the loop.
  void cork(Conversation& conversation);
  // The response of one in the air is complete. Its connection goes on with the next
  // request, whatever its task still does.
  void finished(Conversation& conversation) { finished_.push_back(&conversation); }
  // A conversation's task has ended by itself.
  static void ended(Conversation& conversation);

 private:
  [[nodiscard]] Conversation* take();
  [[nodiscard]] Conversation* take(worker::WebSocket& socket);
  void give(Conversation& conversation);
  [[nodiscard]] Ref call(Conversation& conversation, const worker::Request& request,
                         const worker::WebSocket* socket = nullptr);
  void socket_heard(Conversation& conversation);
  void flush_corked();
  void part_from_finished();
  void leave_alone(Conversation& conversation);
  void note_timers();
  // A child that the application forked ends here: as `begun`, the task whose first step
  // has just returned, or null.
  void end_if_stranger(PyObject* begun);

  const worker::Boot& boot_;
  Ref application_;
  Ref server_type_;
  Ref server_;  // _monodon_asgi.Server: loop and lifespan
  Ref loop_;
  Ref ready_;                        // the loop's deque of callbacks
  PyObject* first_timer_ = nullptr;  // borrowed, compared only
  Py_ssize_t timers_ = 0;
  std::unique_ptr<Tasks> tasks_;
  ScopeMaker scopes_;
  worker::Turns* turns_ = nullptr;
  // As many as were in progress at once.
  std::vector<std::unique_ptr<Conversation>> conversations_;
  std::vector<Conversation*> idle_;
  std::vector<SocketConversation*> idle_sockets_;
  std::vector<Conversation*> corked_;
  std::vector<Conversation*> finished_;
};

// Once, when the module is made. False with an exception set.
bool make_asgi_types();

// For the method table: take_turn(timeout) -> whether asyncio's own selector may have
// news.
PyObject* take_turn(PyObject* module, PyObject* timeout);

}  // namespace monodon::python
