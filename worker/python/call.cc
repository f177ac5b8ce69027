// SPDX-License-Identifier: Apache-2.0
#include "worker/python/call.h"

#include <charconv>

#include "worker/python/callables.h"
#include "worker/python/input.h"

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

}  // namespace

bool Call::attach(const worker::Request& new_request, worker::Response& new_response) {
  request = &new_request;
  response = &new_response;
  client_gone = false;
  if (!input) input = new_input();
  if (!input || (!callables && !callables.make())) return false;
  bind_input(input.get(), request->body);
  callables.bind(this);
  return true;
}

void Call::detach() noexcept {
  if (input) bind_input(input.get(), nullptr);
  if (input && Py_REFCNT(input.get()) != 1) input = Ref{};
  if (callables) callables.bind(nullptr);
  if (callables && callables.kept()) callables = Callables{};
  request = nullptr;
  response = nullptr;
  started_ = false;
  begun_ = false;
  refusal_.clear();
  fields_.clear();
  kept_.clear();
}

// A view of the str's bytes in ISO-8859-1. For ASCII, which is nearly always, these are
// the bytes that the str itself holds; others are kept in kept_.
std::optional<std::string_view> Call::latin1_of(PyObject* str, const char* what) {
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
  kept_.push_back(std::move(bytes));
  return bytes_view(kept_.back().get());
}

bool Call::keep_head(PyObject* status, PyObject* headers) {
  started_ = false;
  begun_ = false;
  fields_.clear();
  kept_.clear();
  const auto status_text = latin1_of(status, "status");
  if (!status_text) return false;
  kept_.push_back(Ref::borrow(status));
  status_ = *status_text;
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
    kept_.push_back(Ref::borrow(pair));
    const auto name = latin1_of(PyTuple_GetItem(pair, 0), "header name");
    if (!name) return false;
    const auto value = latin1_of(PyTuple_GetItem(pair, 1), "header value");
    if (!value) return false;
    fields_.push_back({*name, *value});
  }
  started_ = true;
  return true;
}

bool Call::begin(std::optional<std::uint64_t> known_length) {
  if (begun_) return true;
  refusal_ = response->begin({status_, fields_}, known_length);
  begun_ = refusal_.empty();
  return begun_;
}

std::optional<std::uint64_t> Call::content_length() const noexcept {
  for (const http::Field& field : fields_) {
    if (!same_name(field.name, "content-length")) continue;
    std::uint64_t value = 0;
    const char* end = field.value.data() + field.value.size();
    const auto [stop, error] = std::from_chars(field.value.data(), end, value);
    if (error == std::errc{} && stop == end) return value;
  }
  return std::nullopt;
}

bool Call::write(PyObject* bytes) {
  const std::string_view data = bytes_view(bytes);
  bool going = true;
  if (share_gil || data.size() >= kLargeBlock) {
    const Released released;
    going = response->write(data);
  } else {
    going = response->write(data);
  }
  if (!going) client_gone = true;
  return going;
}

}  // namespace monodon::python
