// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/application.h"
#include "worker/python/asgi/step.h"
#include "worker/python/py.h"

namespace monodon::python {

class AsgiApplication;

// One request of an ASGI application, between its start and its end: what receive()
// has for it, and what send() makes of its answer (ASGI's HTTP protocol, spec_version
// 2.5). Under the GIL, on the thread of the loop.
//
// send() acts when it is called. What is sent between two suspensions goes out in one
// piece (flush()).
//
// The objects that the application calls are used again for the next request when
// nobody else kept them; otherwise they are cut off from it: receive() says
// http.disconnect, and send() raises.
class Conversation {
 public:
  Conversation(AsgiApplication& of, PyObject* loop)
      : application_{of}, loop_{Ref::borrow(loop)} {}
  virtual ~Conversation() = default;
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  // Makes missing objects. False with an exception set: no memory.
  bool attach(const worker::Request& request, worker::Response& response);
  // After the last use of both. Whoever waits for receive() hears of a disconnect.
  void detach() noexcept;

  [[nodiscard]] PyObject* receive() const noexcept { return receive_.get(); }
  [[nodiscard]] PyObject* send() const noexcept { return send_.get(); }
  // A callback for its task, which calls AsgiApplication::ended.
  [[nodiscard]] PyObject* ended() const noexcept { return ended_.get(); }

  // Sends what was kept back. False: nothing was.
  bool flush();
  // The application is done: `error`, which it raised, or null.
  virtual void end(PyObject* error);

  // The client is gone, or has taken what waited for it.
  void client_gone();
  void room();
  // It has been answered by somebody else: nothing of it is an error any more.
  void give_up() noexcept { given_up_ = true; }
  [[nodiscard]] std::string name() const;  // of the request, for the log
  [[nodiscard]] bool begun() const noexcept { return started_; }
  // The response is complete; the task may go on.
  [[nodiscard]] bool finished() const noexcept { return finished_; }

  Ref task;
  worker::Pending* pending = nullptr;
  bool corked = false;  // the application knows that something is kept back

  [[nodiscard]] virtual bool is_socket() const noexcept { return false; }

  // For step.cc and the methods.
  [[nodiscard]] virtual Ref next_message();
  [[nodiscard]] Ref wait_for_client();
  [[nodiscard]] bool congested();
  [[nodiscard]] Ref wait_for_room();
  PyObject* take(PyObject* message);

 protected:
  // What the application sends. False with an exception set.
  virtual bool handle(std::string_view type, PyObject* message);
  void finish();
  bool raise_gone();
  static void wake(std::vector<Ref>& waiting);
  [[nodiscard]] static std::string traceback_of(PyObject* error);
  [[nodiscard]] const worker::Request& request() const noexcept { return *request_; }
  [[nodiscard]] worker::Response& response() noexcept { return *response_; }
  [[nodiscard]] bool nobody() const noexcept { return gone_ || given_up_; }
  void wake_all();
  void wake_receivers() { wake(waiting_for_client_); }

 private:
  bool start(PyObject* message);
  bool body(PyObject* message);
  bool path_send(PyObject* message);
  [[nodiscard]] bool owes_something() const;
  bool early_hint(PyObject* message);
  bool begin(std::optional<std::uint64_t> known_length);
  [[nodiscard]] Ref future(std::vector<Ref>& waiting);
  void forget_objects() noexcept;

  AsgiApplication& application_;
  Ref loop_;
  Ref self_;  // what the methods are bound to
  Ref receive_, send_, ended_;
  const worker::Request* request_ = nullptr;
  worker::Response* response_ = nullptr;
  std::uint64_t body_at_ = 0;
  std::string kept_back_;
  std::vector<Ref> waiting_for_client_;
  std::vector<Ref> waiting_for_room_;
  bool body_given_ = false;
  bool started_ = false;   // http.response.start came
  bool begun_ = false;     // and how the body goes out is settled
  bool finished_ = false;  // the last of the body came
  bool gone_ = false;
  bool given_up_ = false;
};

// Once, when the module is made. `ended` is called with the conversation whose task has
// ended. False with an exception set.
bool make_conversation_type(void (*ended)(Conversation&));

}  // namespace monodon::python
