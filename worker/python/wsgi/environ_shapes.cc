// SPDX-License-Identifier: Apache-2.0
// The quick way to an environ, for requests like others before.
#include <algorithm>

#include "worker/python/wsgi/environ.h"

namespace monodon::python {
namespace {

constexpr std::size_t kMaxShapes = 16;
constexpr std::size_t kMaxFields = 64;       // of a shape
constexpr std::size_t kMaxName = 64;         // bytes of a name in a shape
constexpr std::size_t kMaxRemembered = 256;  // bytes of a value

// Of the fields' names; cheap rather than good, since names are compared as well.
std::uint64_t hash_of(const worker::Request& request) noexcept {
  std::uint64_t hash = request.remote_port != 0 ? 1 : 2;
  for (const http::Field& field : request.head->fields) {
    const std::string_view name = field.name;
    hash =
        (hash ^ (name.size() << 16U) ^
         (static_cast<std::uint64_t>(static_cast<unsigned char>(name.front())) << 8U) ^
         static_cast<unsigned char>(name.back())) *
        0x9e3779b97f4a7c15U;
  }
  return hash | 1U;  // 0 is no hash
}

bool remembered(const FieldName& name, std::string_view value) noexcept {
  return !name.secret && value.size() <= kMaxRemembered;
}

}  // namespace

EnvironMaker::Shape* EnvironMaker::shape_for(const worker::Request& request) {
  // Not as its fields say: see set_fields().
  if (request.head->framing == http::Framing::chunked) return nullptr;
  const auto& fields = request.head->fields;
  const std::uint64_t hash = hash_of(request);
  const auto fits = [&](const Shape& shape) {
    return shape.hash == hash && shape.listener == request.listener &&
           shape.remote_port == (request.remote_port != 0) &&
           std::equal(fields.begin(), fields.end(), shape.slots.begin(),
                      shape.slots.end(),
                      [](const http::Field& field, const Slot& slot) {
                        return field.name == slot.sent;
                      });
  };
  if (last_shape_ != nullptr && fits(*last_shape_)) return last_shape_;
  for (const auto& shape : shapes_)
    if (fits(*shape)) return last_shape_ = shape.get();
  // Not for what came only once: a client that sends other fields each time would have
  // a shape made, and another one thrown away, for each of its requests.
  std::uint64_t& seen = seen_[(hash >> 32U) % seen_.size()];
  if (seen == hash) return make_shape(request, hash);
  seen = hash;
  return nullptr;
}

// Null without an exception: not a request for a shape.
EnvironMaker::Shape* EnvironMaker::make_shape(const worker::Request& request,
                                              std::uint64_t hash) {
  const auto& fields = request.head->fields;
  if (fields.size() > kMaxFields) return nullptr;
  auto shape = std::make_unique<Shape>();
  bool has_host = false;
  for (const http::Field& field : fields) {
    FieldName spare;
    const FieldName* name = names_.find_or_add(field.name, spare);
    if (name == nullptr) PyErr_Clear();
    if (name == nullptr || name == &spare || field.name.size() > kMaxName ||
        std::ranges::any_of(shape->slots,
                            [name](const Slot& slot) { return slot.name == name; }))
      return nullptr;
    has_host = has_host || name->host;
    shape->slots.push_back({std::string{field.name}, name, {}});
  }
  if (!has_host) return nullptr;
  shape->hash = hash;
  shape->listener = request.listener;
  shape->remote_port = request.remote_port != 0;
  shape->dict = Ref::steal(PyDict_Copy(template_for(*request.listener)));
  const Ref none = latin1({});
  bool done = shape->dict && none;
  // All keys from the beginning, so that copies have room for them.
  for (const Slot& slot : shape->slots)
    done = done &&
           PyDict_SetItem(shape->dict.get(), slot.name->key.get(), none.get()) == 0;
  if (!done) {
    PyErr_Clear();
    return nullptr;
  }
  if (shapes_.size() < kMaxShapes) {
    shapes_.push_back(std::move(shape));
    return last_shape_ = shapes_.back().get();
  }
  auto oldest = std::ranges::min_element(shapes_, {},
                                         [](const auto& known) { return known->used; });
  *oldest = std::move(shape);
  return last_shape_ = oldest->get();
}

// What of the request differs from the last one. False with an exception set.
bool EnvironMaker::update(Shape& shape, const worker::Request& request) {
  const http::RequestHead& head = *request.head;
  PyObject* dict = shape.dict.get();
  if (shape.method != head.method || shape.minor_version != head.minor_version) {
    shape.method = head.method;
    shape.minor_version = head.minor_version;
    if (!set_protocol(dict, head)) return false;
  }
  // PATH_INFO follows from these two.
  if (shape.target != head.target || shape.script_name != request.script_name) {
    shape.target.clear();  // until it is done
    if (!set_path(dict, request)) return false;
    shape.target = head.target;
    shape.script_name = request.script_name;
  }
  if (shape.scheme != request.scheme || shape.host != head.host) {
    shape.scheme = request.scheme;
    shape.host = head.host;
    if (!set_server(dict, request)) return false;
  }
  if (shape.remote_addr != request.remote_addr || shape.port != request.remote_port) {
    shape.remote_addr = request.remote_addr;
    shape.port = request.remote_port;
    if (!set_peer(dict, request)) return false;
  }
  return update_fields(shape, head);
}

bool EnvironMaker::update_fields(Shape& shape, const http::RequestHead& head) {
  auto field = head.fields.begin();
  for (Slot& slot : shape.slots) {
    const std::string_view value = slot.name->host ? head.host : field->value;
    ++field;
    if (slot.text == value || !remembered(*slot.name, value)) continue;
    const Ref text = latin1(value);
    slot.text = value;
    if (!text ||
        PyDict_SetItem(shape.dict.get(), slot.name->key.get(), text.get()) != 0) {
      shape.hash = 0;  // never fits again
      return false;
    }
  }
  return true;
}

// What is not for the next request, into the copy.
bool EnvironMaker::set_unshared(PyObject* dict, const Shape& shape,
                                const http::RequestHead& head) {
  auto field = head.fields.begin();
  for (const Slot& slot : shape.slots) {
    const std::string_view value = slot.name->host ? head.host : field->value;
    ++field;
    if (remembered(*slot.name, value)) continue;
    const Ref text = latin1(value);
    if (!text || PyDict_SetItem(dict, slot.name->key.get(), text.get()) != 0)
      return false;
  }
  return true;
}

Ref EnvironMaker::make(const Call& call) {
  const std::uint64_t serial = ++serial_;
  const worker::Request& request = *call.request;
  Shape* shape = shape_for(request);
  if (shape == nullptr) return make_plainly(call);
  shape->used = serial;
  if (!update(*shape, request)) {
    shape->hash = 0;
    return {};
  }
  const Ref shared = Ref::borrow(shape->dict.get());
  Ref dict = Ref::steal(PyDict_Copy(shared.get()));
  // Copying may run the garbage collector, whose finalizers may let another thread run,
  // and that may have changed, or thrown away, this shape before it was copied.
  if (serial != serial_) return make_plainly(call);
  const bool done = dict && set_unshared(dict.get(), *shape, *request.head) &&
                    set_own(dict.get(), call);
  return done ? std::move(dict) : Ref{};
}

}  // namespace monodon::python
