// SPDX-License-Identifier: Apache-2.0
// What an ASGI application receives, and who waits for what.
#include "worker/python/asgi/conversation.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/log/log.h"
#include "base/text/text.h"
#include "worker/python/asgi/messages.h"
#include "worker/python/asgi/names.h"
#include "worker/python/asgi/socket_conversation.h"

namespace monodon::python {
namespace {

struct RequestObject {
  PyObject ob_base;
  Conversation* conversation;
  bool of_socket;
};

PyTypeObject* conversation_type = nullptr;
void (*call_when_ended)(Conversation&) = nullptr;

Conversation* conversation_of(PyObject* self) {
  return reinterpret_cast<RequestObject*>(self)->conversation;
}

// To whoever receives once the request has ended.
PyObject* disconnected(PyObject* owner) {
  const bool socket = reinterpret_cast<RequestObject*>(owner)->of_socket;
  return (socket ? SocketConversation::disconnected(1006, {})
                 : message_of(asgi_names().disconnect))
      .release();
}

PyObject* nothing(PyObject* /*owner*/) {
  Py_RETURN_NONE;
}

// The two things that a step may wait for; stateless, so that one of each is enough.
class Receiving final : public StepSource {
 public:
  Conversation* of = nullptr;
  Ref result() override { return of->next_message(); }
  Ref wait() override { return of->wait_for_client(); }
};
class Sending final : public StepSource {
 public:
  Conversation* of = nullptr;
  Ref result() override { return of->congested() ? Ref{} : Ref::borrow(Py_None); }
  Ref wait() override { return of->wait_for_room(); }
};

template <typename Source>
StepSource* find(PyObject* owner) {
  static Source source;
  source.of = conversation_of(owner);
  return source.of != nullptr ? &source : nullptr;
}

const StepKind kReceive{find<Receiving>, disconnected};
const StepKind kSend{find<Sending>, nothing};

PyObject* receive(PyObject* self, PyObject* /*unused*/) {
  return new_step(kReceive, self);
}

PyObject* send(PyObject* self, PyObject* message) {
  Conversation* c = conversation_of(self);
  if (c == nullptr) {
    PyErr_SetString(PyExc_RuntimeError, "send() after the request has ended");
    return nullptr;
  }
  const Ref sent = Ref::steal(c->take(message));
  if (!sent) return nullptr;
  return sent.get() == Py_None ? done_step() : new_step(kSend, self);
}

PyObject* ended(PyObject* self, PyObject* /*task*/) {
  if (Conversation* c = conversation_of(self)) call_when_ended(*c);
  Py_RETURN_NONE;
}

void destroy_request(PyObject* self) {
  PyTypeObject* own = Py_TYPE(self);
  PyObject_Free(self);
  Py_DECREF(reinterpret_cast<PyObject*>(own));
}

Ref bound(PyMethodDef& definition, PyObject* self) {
  return Ref::steal(PyCFunction_NewEx(&definition, self, nullptr));
}

}  // namespace

bool make_conversation_type(void (*on_end)(Conversation&)) {
  call_when_ended = on_end;
  std::array<PyType_Slot, 2> slots{
      {{Py_tp_dealloc, reinterpret_cast<void*>(destroy_request)}, {0, nullptr}}};
  PyType_Spec spec{"monodon.request", sizeof(RequestObject), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                   slots.data()};
  conversation_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return conversation_type != nullptr;
}

bool Conversation::attach(const worker::Request& request, worker::Response& response) {
  static PyMethodDef receive_def{"receive", python::receive, METH_NOARGS,
                                 "receive() -> the next message (ASGI)"};
  static PyMethodDef send_def{"send", python::send, METH_O, "send(message) (ASGI)"};
  static PyMethodDef ended_def{"ended", python::ended, METH_O, nullptr};
  request_ = &request;
  response_ = &response;
  body_at_ = 0;
  body_given_ = started_ = begun_ = finished_ = gone_ = given_up_ = corked = false;
  if (!self_) {
    self_ = Ref::steal(PyType_GenericAlloc(conversation_type, 0));
    if (!self_) return false;
    receive_ = bound(receive_def, self_.get());
    send_ = bound(send_def, self_.get());
    ended_ = bound(ended_def, self_.get());
    if (!receive_ || !send_ || !ended_) return false;
  }
  auto& object = *reinterpret_cast<RequestObject*>(self_.get());
  object.conversation = this;
  object.of_socket = is_socket();
  return true;
}

void Conversation::detach() noexcept {
  if (self_) reinterpret_cast<RequestObject*>(self_.get())->conversation = nullptr;
  pending = nullptr;
  request_ = nullptr;
  response_ = nullptr;
  kept_back_.clear();
  wake_all();
  // What drops these may be code of the application's.
  task = Ref{};
  if (self_ && (Py_REFCNT(self_.get()) != 4 || Py_REFCNT(receive_.get()) != 1 ||
                Py_REFCNT(send_.get()) != 1))
    forget_objects();
}

void Conversation::forget_objects() noexcept {
  receive_ = Ref{};
  send_ = Ref{};
  ended_ = Ref{};
  self_ = Ref{};
}

// The body in pieces, then that there is nobody any more. Null without an exception:
// that is not known yet.
Ref Conversation::next_message() {
  constexpr std::size_t kPiece = 64UL * 1024;
  const AsgiNames& n = asgi_names();
  if (gone_ || finished_) return message_of(n.disconnect);
  if (body_given_) return {};
  const std::uint64_t size = request_->body->size();
  const std::size_t count = std::min<std::uint64_t>(size - body_at_, kPiece);
  Ref body = count == 0 ? Ref::borrow(n.empty)
                        : Ref::steal(PyBytes_FromStringAndSize(
                              nullptr, static_cast<Py_ssize_t>(count)));
  if (!body) return {};
  if (count != 0) {
    const std::int64_t got =
        request_->body->read(body_at_, PyBytes_AsString(body.get()), count);
    if (got != static_cast<std::int64_t>(count)) {
      PyErr_SetString(PyExc_OSError, "the request body cannot be read");
      return {};
    }
    body_at_ += count;
  }
  body_given_ = body_at_ == size;
  Ref message = message_of(n.request);
  if (!message || PyDict_SetItem(message.get(), n.body, body.get()) != 0 ||
      PyDict_SetItem(message.get(), n.more_body, body_given_ ? Py_False : Py_True) != 0)
    return {};
  return message;
}

Ref Conversation::future(std::vector<Ref>& waiting) {
  Ref made = Ref::steal(
      PyObject_CallMethodObjArgs(loop_.get(), asgi_names().create_future, nullptr));
  if (made) waiting.push_back(Ref::borrow(made.get()));
  return made;
}

Ref Conversation::wait_for_client() {
  return future(waiting_for_client_);
}

bool Conversation::congested() {
  return !gone_ && response_->congested();
}

Ref Conversation::wait_for_room() {
  return future(waiting_for_room_);
}

void Conversation::wake(std::vector<Ref>& waiting) {
  std::vector<Ref> all;
  all.swap(waiting);
  for (const Ref& one : all) {
    // One that was cancelled is done already.
    const Ref done =
        Ref::steal(PyObject_CallMethodObjArgs(one.get(), asgi_names().done, nullptr));
    if (done.get() == Py_False)
      (void)Ref::steal(PyObject_CallMethodObjArgs(one.get(), asgi_names().set_result,
                                                  Py_None, nullptr));
    PyErr_Clear();
  }
}

void Conversation::wake_all() {
  wake(waiting_for_client_);
  wake(waiting_for_room_);
}

void Conversation::client_gone() {
  gone_ = true;
  wake_all();
}

void Conversation::room() {
  wake(waiting_for_room_);
}

std::string Conversation::name() const {
  return fmt::format("{} {} (request {})", request_->head->method, request_->head->path,
                     request_->request_id);
}

std::string Conversation::traceback_of(PyObject* error) {
  PyObject* type = reinterpret_cast<PyObject*>(Py_TYPE(error));
  Py_INCREF(type);
  Py_INCREF(error);
  PyErr_Restore(type, error, PyException_GetTraceback(error));
  return take_traceback();
}

void Conversation::end(PyObject* error) {
  (void)flush();
  // It was told so by send() or by receive(), or it was cancelled.
  if (nobody()) response_->abandon();
  if (error == nullptr || nobody()) return;
  const std::string traceback = traceback_of(error);
  if (!finished_) return response_->fail("application raised\n" + traceback);
  // As frameworks do once they have answered 500. The connection need not end for it.
  log::error(fmt::format("{}: raised after its response: {}\n{}", name(),
                         last_line(traceback), traceback),
             {log::Id::application_error});
}

}  // namespace monodon::python
