// SPDX-License-Identifier: Apache-2.0
// What one request and its Python objects share, until the request ends.
#include "worker/python/wsgi/call.h"

#include <charconv>
#include <utility>

#include "worker/python/wsgi/callables.h"
#include "worker/python/wsgi/input.h"

namespace monodon::python {
namespace {

bool same_name(std::string_view a, std::string_view lower) noexcept {
  if (a.size() != lower.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const char c = a[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c) != lower[i])
      return false;
  }
  return true;
}

// A view of the str's bytes in ISO-8859-1. For ASCII, which is nearly always, these are
// the bytes that the str itself holds; others are kept in `kept`.
std::optional<std::string_view> latin1_of(PyObject* str, const char* what,
                                          std::vector<Ref>& kept) {
  if (!PyUnicode_Check(str)) {
    PyErr_Format(PyExc_TypeError, "%s must be str, not %R", what, Py_TYPE(str));
    return std::nullopt;
  }
  Py_ssize_t size = 0;
  const char* data = PyUnicode_AsUTF8AndSize(str, &size);
  if (data != nullptr && size == PyUnicode_GetLength(str))
    return std::string_view{data, static_cast<std::size_t>(size)};
  PyErr_Clear();
  Ref bytes = Ref::steal(PyUnicode_AsLatin1String(str));
  if (!bytes) return std::nullopt;
  kept.push_back(std::move(bytes));
  return bytes_view(kept.back().get());
}

bool raise_ended() {
  PyErr_SetString(PyExc_RuntimeError, "the request that this belongs to has ended");
  return false;
}

}  // namespace

bool Call::attach(const worker::Request& new_request, worker::Response& new_response) {
  request = &new_request;
  response_ = &new_response;
  client_gone = false;
  told_enough = false;
  if (!input) input = new_input();
  if (!input || (!callables && !callables.make())) return false;
  bind_input(input.get(), request->body);
  callables.bind(this);
  return true;
}

void Call::detach() noexcept {
  await_turn();
  if (input) bind_input(input.get(), nullptr);
  if (input && Py_REFCNT(input.get()) != 1) input = Ref{};
  if (callables) callables.bind(nullptr);
  if (callables && callables.kept()) callables = Callables{};
  request = nullptr;
  response_ = nullptr;
  ++ended_;
  started_ = false;
  begun_ = false;
  refusal_.clear();
  head_.forget();
}

void Call::await_turn() noexcept {
  while (busy()) {
    const Released released;
    busy_.wait(true);
  }
}

void Call::Head::forget() noexcept {
  fields.clear();
  kept.clear();
}

bool Call::read_head(PyObject* status, PyObject* headers, Head& head) {
  const auto status_text = latin1_of(status, "status", head.kept);
  if (!status_text) return false;
  head.kept.push_back(Ref::borrow(status));
  head.status = *status_text;
  if (!PyList_Check(headers)) {
    PyErr_Format(PyExc_TypeError, "response headers must be a list, not %R",
                 Py_TYPE(headers));
    return false;
  }
  const Py_ssize_t count = PyList_Size(headers);
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* pair = PyList_GetItem(headers, i);
    if (!PyTuple_Check(pair) || PyTuple_Size(pair) != 2) {
      PyErr_Format(PyExc_TypeError,
                   "response headers must be tuples of name and value, not %R", pair);
      return false;
    }
    // A tuple keeps what is in it, whatever becomes of the list.
    head.kept.push_back(Ref::borrow(pair));
    const auto name = latin1_of(PyTuple_GetItem(pair, 0), "header name", head.kept);
    if (!name) return false;
    const auto value = latin1_of(PyTuple_GetItem(pair, 1), "header value", head.kept);
    if (!value) return false;
    head.fields.push_back({*name, *value});
  }
  return true;
}

bool Call::keep_head(PyObject* status, PyObject* headers) {
  started_ = false;
  begun_ = false;
  // Out of reach, but with its memory: the next request needs as much.
  Head head = std::exchange(head_, {});
  const std::uint64_t before = ended_;
  head.forget();
  if (!read_head(status, headers, head)) return false;
  if (ended_ != before) return raise_ended();  // another thread ran: forget() let it
  std::swap(head_, head);
  await_turn();
  if (ended_ == before) refusal_ = response_->take_head({head_.status, head_.fields});
  if (ended_ != before) return raise_ended();
  if (!refusal_.empty()) {
    PyErr_SetString(PyExc_ValueError, refusal_.c_str());
    return false;
  }
  started_ = true;
  return true;
}

bool Call::begin(std::optional<std::uint64_t> known_length) {
  await_turn();
  if (begun_) return true;
  refusal_ = response_->begin(known_length);
  begun_ = refusal_.empty();
  return begun_;
}

std::optional<std::uint64_t> Call::content_length() const noexcept {
  for (const http::Field& field : head_.fields) {
    if (!same_name(field.name, "content-length")) continue;
    std::uint64_t value = 0;
    const char* end = field.value.data() + field.value.size();
    const auto [stop, error] = std::from_chars(field.value.data(), end, value);
    if (error == std::errc{} && stop == end) return value;
  }
  return std::nullopt;
}

// Runs `what` on the response, which no other thread uses meanwhile.
template <typename Send>
auto Call::send(bool large, Send what) {
  await_turn();
  if (!share_gil && !large) return what(*response_);
  struct Busy {
    std::atomic<bool>& flag;
    explicit Busy(std::atomic<bool>& f) : flag{f} { flag = true; }
    ~Busy() {
      flag = false;
      flag.notify_all();
    }
  };
  const Busy busy{busy_};
  const Released released;
  return what(*response_);
}

worker::Taken Call::write(PyObject* bytes) {
  const std::string_view data = bytes_view(bytes);
  const worker::Taken taken =
      send(data.size() >= kLargeBlock,
           [data](worker::Response& to) { return to.write(data); });
  if (taken == worker::Taken::gone) client_gone = true;
  return taken;
}

void Call::finish(PyObject* last) {
  const std::string_view data = last == nullptr ? std::string_view{} : bytes_view(last);
  (void)send(data.size() >= kLargeBlock, [data](worker::Response& to) {
    to.finish(data);
    return true;
  });
}

bool Call::send_file(int file, std::uint64_t offset, std::uint64_t count) {
  const bool going = send(
      true, [=](worker::Response& to) { return to.send_file(file, offset, count); });
  if (!going) client_gone = true;
  return going;
}

void Call::early_hints(std::span<const http::Field> fields) {
  await_turn();
  response_->early_hints(fields);
}

void Call::fail(std::string_view why) {
  await_turn();
  response_->fail(why);
}

}  // namespace monodon::python
