// SPDX-License-Identifier: Apache-2.0
// Requests of an ASGI application, and turns of its loop.
#include "worker/python/asgi/asgi_application.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/clock.h"
#include "base/log/log.h"
#include "worker/python/asgi/names.h"
#include "worker/wire/wire.h"

namespace monodon::python {
namespace {

// The one of this process: turn() and the callbacks of tasks have no other way to it.
AsgiApplication* current = nullptr;

worker::LoadError not_ready(std::string reason) {
  return {static_cast<std::int64_t>(wire::LoadFailure::not_ready), std::move(reason)};
}

bool is_done(PyObject* task) {
  const Ref done =
      Ref::steal(PyObject_CallMethodObjArgs(task, asgi_names().done, nullptr));
  PyErr_Clear();
  return done.get() == Py_True;
}

// The exception that is set, as an object; and none is set any more.
Ref take_exception() {
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  if (traceback != nullptr) (void)PyException_SetTraceback(value, traceback);
  Py_XDECREF(type);
  Py_XDECREF(traceback);
  return Ref::steal(value);
}

// From here on the conversation is another request's.
void let_land(worker::Pending& pending) noexcept {
  pending.own = nullptr;
  pending.done();
}

// What a task that is done has raised, or null.
Ref error_of(PyObject* task) {
  Ref error =
      Ref::steal(PyObject_CallMethodObjArgs(task, asgi_names().exception, nullptr));
  if (!error) return take_exception();  // it was cancelled
  return error.get() == Py_None ? Ref{} : std::move(error);
}

}  // namespace

std::unique_ptr<Gateway> AsgiApplication::make(const worker::Boot& boot,
                                               Ref application) {
  if (boot.settings.threads > 1)
    throw std::runtime_error{
        "threads must be 1 for an ASGI application, whose requests share one thread; "
        "synchronous parts of it run in a pool that its framework sizes"};
  (void)asgi_names();
  const Ref name = Ref::steal(PyUnicode_FromString("_monodon_asgi"));
  const Ref module = name ? call_runtime("beside", name.get()) : Ref{};
  Ref server_type =
      Ref::steal(module ? PyObject_GetAttrString(module.get(), "Server") : nullptr);
  if (!server_type) return nullptr;
  auto made = std::make_unique<AsgiApplication>(boot, std::move(application),
                                                std::move(server_type));
  current = made.get();
  return made;
}

worker::LoadError AsgiApplication::start_worker() {
  const Ref lifespan =
      Ref::steal(PyUnicode_FromString(boot_.settings.lifespan.c_str()));
  server_ = Ref::steal(lifespan ? PyObject_CallFunctionObjArgs(server_type_.get(),
                                                               application_.get(),
                                                               lifespan.get(), nullptr)
                                : nullptr);
  if (!server_)
    return not_ready("the event loop cannot be made: " + take_explanation());
  loop_ = Ref::steal(PyObject_GetAttrString(server_.get(), "loop"));
  ready_ = loop_ ? Ref::steal(PyObject_GetAttrString(loop_.get(), "_ready")) : Ref{};
  if (ready_) tasks_.reset(Tasks::make(loop_.get()));
  if (!tasks_)
    return not_ready("the event loop is not as expected: " + take_explanation());
  const Ref reason =
      Ref::steal(came_back(PyObject_CallMethod(server_.get(), "start_up", nullptr)));
  if (!reason) return not_ready("lifespan startup raised " + take_explanation());
  if (std::string text = text_of(reason.get()); !text.empty()) return not_ready(text);
  scopes_.set_state(Ref::steal(PyObject_GetAttrString(server_.get(), "state")));
  return {};
}

void AsgiApplication::stop_worker() {
  if (!server_) return;
  const double patience = static_cast<double>(boot_.settings.graceful_timeout) / 1000;
  const Ref done = Ref::steal(
      came_back(PyObject_CallMethod(server_.get(), "shut_down", "d", patience)));
  if (!done)
    log::warning("lifespan shutdown raised\n" + take_traceback(),
                 {log::Id::application_error});
}

worker::LoadError AsgiApplication::run_turns(worker::Turns& turns) {
  turns_ = &turns;
  const Ref descriptor =
      Ref::steal(PyObject_CallMethod(server_.get(), "descriptor", nullptr));
  if (!descriptor) return not_ready(take_traceback());
  turns.watch(static_cast<int>(PyLong_AsLong(descriptor.get())));
  const Ref ended =
      Ref::steal(came_back(PyObject_CallMethod(server_.get(), "run", nullptr)));
  turns_ = nullptr;
  if (!ended) return not_ready("the event loop ended: " + take_explanation());
  if (ended.get() == Py_True) return {};
  return not_ready("the application stopped the event loop of its worker");
}

// -- turns

bool AsgiApplication::take_turn(PyObject* timeout, bool& own) {
  end_if_stranger(nullptr);  // before it waits for clients that are not its own
  std::uint64_t until = 0;
  if (timeout != Py_None) {
    constexpr double kLongest = 1e6;  // seconds
    const double seconds = PyFloat_AsDouble(timeout);
    if (seconds == -1.0 && PyErr_Occurred() != nullptr) return false;
    until = seconds <= 0
                ? 1
                : monotonic_ns() +
                      static_cast<std::uint64_t>(std::min(seconds, kLongest) * 1e9);
  }
  flush_corked();
  part_from_finished();
  note_timers();
  const bool goes_on = turns_->take(until, own);
  take_gil();
  flush_corked();
  if (goes_on) return true;
  return static_cast<bool>(
      Ref::steal(PyObject_CallMethod(server_.get(), "end", nullptr)));
}

PyObject* take_turn(PyObject* /*module*/, PyObject* timeout) {
  bool own = false;
  if (current == nullptr || !current->take_turn(timeout, own)) return nullptr;
  return PyBool_FromLong(own ? 1 : 0);
}

// Timers that steps of ours have set are news to a loop that has computed its timeout.
void AsgiApplication::note_timers() {
  const Ref timers = Ref::steal(PyObject_GetAttr(loop_.get(), asgi_names().scheduled));
  PyErr_Clear();
  timers_ = timers ? PyList_Size(timers.get()) : 0;
  first_timer_ = timers_ > 0 ? PyList_GetItem(timers.get(), 0) : nullptr;
}

bool AsgiApplication::wants_turn() {
  if (PyObject_Size(ready_.get()) > 0) return true;
  const Py_ssize_t before = timers_;
  PyObject* const first = first_timer_;
  note_timers();
  return timers_ != before || first_timer_ != first;
}

void AsgiApplication::flush_corked() {
  for (Conversation* c : corked_) {
    c->corked = false;
    (void)c->flush();
  }
  corked_.clear();
}

// Before anything else is served: once its client has the whole response, a connection
// must be found between two requests, also when the next step blocks the loop. Mostly
// the task is done, too, and its callback about to come.
void AsgiApplication::part_from_finished() {
  std::vector<Conversation*> all;
  all.swap(finished_);
  for (Conversation* c : all) {
    if (is_done(c->task.get())) {
      ended(*c);
    } else {
      worker::Pending* pending = c->pending;
      leave_alone(*c);
      let_land(*pending);
    }
  }
}

// A task that goes on after its response: a background task, usually. The worker waits
// for it before it ends.
void AsgiApplication::leave_alone(Conversation& c) {
  const std::string name = c.name();
  const Ref kept = Ref::steal(
      PyObject_CallMethod(server_.get(), "keep", "Os", c.task.get(), name.c_str()));
  PyErr_Clear();
  give(c);
}

// -- requests

Conversation* AsgiApplication::take() {
  if (idle_.empty()) {
    conversations_.push_back(std::make_unique<Conversation>(*this, loop_.get()));
    idle_.push_back(conversations_.back().get());
  }
  Conversation* conversation = idle_.back();
  idle_.pop_back();
  return conversation;
}

Conversation* AsgiApplication::take(worker::WebSocket& socket) {
  if (idle_sockets_.empty()) {
    auto made = std::make_unique<SocketConversation>(*this, loop_.get());
    idle_sockets_.push_back(made.get());
    conversations_.push_back(std::move(made));
  }
  SocketConversation* conversation = idle_sockets_.back();
  idle_sockets_.pop_back();
  conversation->begin(socket);
  return conversation;
}

void AsgiApplication::give(Conversation& conversation) {
  if (conversation.corked) std::erase(corked_, &conversation);
  if (!finished_.empty()) std::erase(finished_, &conversation);
  conversation.detach();
  if (conversation.is_socket())
    idle_sockets_.push_back(static_cast<SocketConversation*>(&conversation));
  else
    idle_.push_back(&conversation);
}

void AsgiApplication::cork(Conversation& conversation) {
  corked_.push_back(&conversation);
}

// The coroutine of one request. Null with an exception set.
Ref AsgiApplication::call(Conversation& conversation, const worker::Request& request,
                          const worker::WebSocket* socket) {
  const Ref scope = scopes_.make(request, socket);
  if (!scope) return {};
  return Ref::steal(came_back(PyObject_CallFunctionObjArgs(
      application_.get(), scope.get(), conversation.receive(), conversation.send(),
      nullptr)));
}

bool AsgiApplication::start(const worker::Request& request, worker::Response& response,
                            worker::Pending& pending) {
  worker::WebSocket* const socket = pending.websocket;
  Conversation& c = socket != nullptr ? *take(*socket) : *take();
  if (c.attach(request, response)) {
    const Ref coroutine = call(c, request, socket);
    if (coroutine) c.task = tasks_->start(coroutine.get());
  }
  end_if_stranger(c.task.get());
  if (!c.task) {
    c.end(take_exception().get());
  } else if (is_done(c.task.get())) {
    c.end(error_of(c.task.get()).get());
  } else if (c.finished()) {
    leave_alone(c);
    return true;
  } else {
    c.pending = &pending;
    pending.own = &c;
    const Ref added = Ref::steal(PyObject_CallMethodObjArgs(
        c.task.get(), asgi_names().add_done_callback, c.ended(), nullptr));
    if (added) {
      flush_corked();
      return false;
    }
    c.end(take_exception().get());
  }
  give(c);
  return true;
}

// Where steps of tasks come back to us, as came_back() does elsewhere. A task keeps what
// its step has raised: a child ends as the one that has brought it here.
void AsgiApplication::end_if_stranger(PyObject* begun) {
  if (!is_stranger()) return;
  std::vector<PyObject*> tasks{begun};
  for (const auto& c : conversations_)
    if (c->pending != nullptr) tasks.push_back(c->task.get());
  for (PyObject* task : tasks) {
    if (PyErr_Occurred() != nullptr) break;
    const Ref error = task != nullptr && is_done(task) ? error_of(task) : Ref{};
    if (error)
      PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.get())), error.get());
  }
  end_stranger();
}

// The callback may be that of an earlier request, which had landed before it came.
void AsgiApplication::ended(Conversation& c) {
  current->end_if_stranger(nullptr);
  if (c.pending == nullptr || !is_done(c.task.get())) return;
  c.end(error_of(c.task.get()).get());
  worker::Pending* pending = c.pending;
  current->give(c);
  let_land(*pending);
}

void AsgiApplication::tell(worker::Pending& pending, worker::News news) {
  if (pending.own == nullptr) return;  // it is about to land
  auto& c = *static_cast<Conversation*>(pending.own);
  switch (news) {
    case worker::News::room:
      return c.room();
    case worker::News::message:
      socket_heard(c);
      break;
    case worker::News::client_gone: {
      c.client_gone();
      const Ref told =
          Ref::steal(PyObject_CallMethod(server_.get(), "client_gone", "OO",
                                         c.task.get(), c.begun() ? Py_True : Py_False));
      break;
    }
    case worker::News::deadline: {
      c.give_up();
      const std::string name = c.name();
      const Ref told = Ref::steal(PyObject_CallMethod(server_.get(), "give_up", "Os",
                                                      c.task.get(), name.c_str()));
      break;
    }
  }
  if (PyErr_Occurred() != nullptr)
    log::warning("a task could not be cancelled\n" + take_traceback(),
                 {log::Id::application_error});
}

void AsgiApplication::socket_heard(Conversation& conversation) {
  auto& c = static_cast<SocketConversation&>(conversation);
  if (!c.heard()) return;
  const Ref told =
      Ref::steal(PyObject_CallMethod(server_.get(), "socket_over", "O", c.task.get()));
}

// A request that has no client: before the loop serves any.
void AsgiApplication::answer(const worker::Request& request,
                             worker::Response& response) {
  if (!server_)
    return response.fail(
        "an ASGI application cannot be asked before its worker has an event loop");
  Conversation& c = *take();
  if (c.attach(request, response)) {
    const Ref coroutine = call(c, request);
    if (coroutine)
      c.task = Ref::steal(came_back(
          PyObject_CallMethod(server_.get(), "complete", "O", coroutine.get())));
  }
  c.end(c.task ? error_of(c.task.get()).get() : take_exception().get());
  give(c);
}

bool make_asgi_types() {
  return make_step_type() && make_conversation_type(&AsgiApplication::ended);
}

}  // namespace monodon::python
