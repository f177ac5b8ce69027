// SPDX-License-Identifier: Apache-2.0
// What an ASGI application sends, as a response.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "base/unique_fd.h"
#include "worker/http/response_head.h"
#include "worker/python/asgi/asgi_application.h"
#include "worker/python/asgi/conversation.h"
#include "worker/python/asgi/messages.h"
#include "worker/python/asgi/names.h"

namespace monodon::python {
namespace {

constexpr std::size_t kMostKeptBack = 64UL * 1024;

}  // namespace

// None: done. Anything else: to be waited for.
PyObject* Conversation::take(PyObject* message) {
  if (!PyDict_Check(message)) {
    PyErr_Format(PyExc_TypeError, "send() takes a dict, not %R", Py_TYPE(message));
    return nullptr;
  }
  PyObject* type = item(message, asgi_names().type, true);
  if (type == nullptr) return nullptr;
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(type, &size);
  if (text == nullptr) return nullptr;
  const std::string_view name{text, static_cast<std::size_t>(size)};
  if (is_stranger()) {
    PyErr_SetString(PyExc_RuntimeError,
                    "the client belongs to the process that forked this one");
    return nullptr;
  }
  if (!handle(name, message)) return nullptr;
  PyObject* result = !finished_ && congested() ? Py_True : Py_None;
  Py_INCREF(result);
  return result;
}

bool Conversation::handle(std::string_view type, PyObject* message) {
  if (type == "http.response.start")
    return !started_ ? start(message)
                     : fail_state("the response was started before", type);
  if (type == "http.response.early_hint")
    return !started_ ? early_hint(message)
                     : fail_state("the response was started before", type);
  if (!started_) return fail_state("the response was not started", type);
  if (finished_) return fail_state("the response is complete", type);
  if (type == "http.response.body") return body(message);
  if (type == "http.response.pathsend") return path_send(message);
  return fail_state("a message that HTTP has not", type);
}

bool Conversation::raise_gone() {
  PyErr_SetString(PyExc_OSError, "the client is gone");
  return false;
}

bool Conversation::start(PyObject* message) {
  const AsgiNames& n = asgi_names();
  PyObject* status = item(message, n.status, true);
  if (status == nullptr) return false;
  const long number = PyLong_AsLong(status);
  if (number == -1 && PyErr_Occurred() != nullptr) return false;
  if (number < 200 || number > 599) {
    PyErr_Format(PyExc_ValueError, "status must be from 200 to 599, not %ld", number);
    return false;
  }
  std::vector<http::Field> fields;
  std::vector<Ref> kept;
  PyObject* headers = item(message, n.headers);
  if (headers != nullptr ? !read_fields(headers, fields, kept)
                         : PyErr_Occurred() != nullptr)
    return false;
  const std::string_view reason = http::reason_phrase(static_cast<int>(number));
  std::string line = std::to_string(number);
  line += ' ';
  line += reason;
  const std::string refusal = response_->take_head({line, fields});
  if (!refusal.empty()) {
    PyErr_SetString(PyExc_ValueError, refusal.c_str());
    return false;
  }
  started_ = true;
  return true;
}

bool Conversation::begin(std::optional<std::uint64_t> known_length) {
  if (begun_) return true;
  const std::string refusal = response_->begin(known_length);
  if (!refusal.empty()) {
    PyErr_SetString(PyExc_ValueError, refusal.c_str());
    return false;
  }
  begun_ = true;
  return true;
}

bool Conversation::body(PyObject* message) {
  const AsgiNames& n = asgi_names();
  PyObject* given = item(message, n.body);
  if (given == nullptr && PyErr_Occurred() != nullptr) return false;
  const Ref bytes = given != nullptr ? as_bytes(given, "body") : Ref::borrow(n.empty);
  if (!bytes) return false;
  PyObject* more = item(message, n.more_body);
  if (more == nullptr && PyErr_Occurred() != nullptr) return false;
  const int goes_on = more == nullptr ? 0 : PyObject_IsTrue(more);
  if (goes_on < 0) return false;
  if (gone_) return raise_gone();
  const std::string_view data = bytes_view(bytes.get());
  if (goes_on == 0) {
    if (!begin(data.size())) return false;
    finish();
    if (kept_back_.empty()) {
      response_->finish(data);
    } else {
      kept_back_ += data;
      response_->finish(kept_back_);
      kept_back_.clear();
    }
    return true;
  }
  if (!begin(std::nullopt)) return false;
  kept_back_ += data;
  if (kept_back_.size() >= kMostKeptBack) {
    (void)flush();
  } else if (!corked && owes_something()) {
    corked = true;
    application_.cork(*this);
  }
  return gone_ ? raise_gone() : true;
}

// Whoever waits in receive() hears of a disconnect.
void Conversation::finish() {
  finished_ = true;
  wake(waiting_for_client_);
  if (pending != nullptr) application_.finished(*this);
}

// A body that has begun without a byte sends its head, for who waits for the first
// event of a stream.
bool Conversation::owes_something() const {
  return begun_ && !finished_ && (!kept_back_.empty() || !response_->sent());
}

bool Conversation::flush() {
  if (!owes_something()) return false;
  // What is not wanted, after HEAD for one, is no reason to stop: ASGI has no way to
  // say so.
  if (response_->write(kept_back_) == worker::Taken::gone) gone_ = true;
  kept_back_.clear();
  return true;
}

// A file, by its path, instead of a body. Opened here, so that it may be removed once
// send() has returned.
bool Conversation::path_send(PyObject* message) {
  PyObject* path = item(message, asgi_names().path, true);
  if (path == nullptr) return false;
  if (begun_) return fail_state("a body came before", "http.response.pathsend");
  PyObject* encoded = nullptr;
  if (PyUnicode_FSConverter(path, &encoded) == 0) return false;
  const Ref name = Ref::steal(encoded);
  const UniqueFd file{
      ::open(PyBytes_AsString(encoded), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat facts {};
  if (!file || ::fstat(file.get(), &facts) != 0) {
    PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path);
    return false;
  }
  if (!S_ISREG(facts.st_mode)) {
    PyErr_Format(PyExc_ValueError, "%R is no regular file", path);
    return false;
  }
  const auto size = static_cast<std::uint64_t>(facts.st_size);
  if (gone_) return raise_gone();
  if (!begin(size)) return false;
  finish();
  if (size == 0 || response_->send_file(file.get(), 0, size)) response_->finish({});
  return true;
}

bool Conversation::early_hint(PyObject* message) {
  PyObject* links = item(message, asgi_names().links, true);
  if (links == nullptr) return false;
  const Ref list = Ref::steal(PySequence_List(links));
  if (!list) return false;
  std::vector<http::Field> fields;
  std::vector<Ref> kept;
  for (Py_ssize_t i = 0; i < PyList_Size(list.get()); ++i) {
    Ref link = as_bytes(PyList_GetItem(list.get(), i), "a link");
    if (!link) return false;
    fields.push_back({"link", bytes_view(link.get())});
    kept.push_back(std::move(link));
  }
  response_->early_hints(fields);
  return true;
}

}  // namespace monodon::python
