// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "worker/python/asgi/conversation.h"

namespace monodon::python {

// One WebSocket of an ASGI application, from its request on (ASGI's WebSocket protocol,
// spec_version 2.5): until it is accepted it may be denied, with 403 or with a response
// (websocket.http.response), which then is one like any other.
class SocketConversation final : public Conversation {
 public:
  using Conversation::Conversation;

  // Before attach().
  void begin(worker::WebSocket& socket) noexcept {
    socket_ = &socket;
    connect_given_ = accepted_ = closed_ = told_over_ = false;
  }
  // Something came. True, once: it is over.
  [[nodiscard]] bool heard();

  void end(PyObject* error) override;
  [[nodiscard]] Ref next_message() override;
  [[nodiscard]] bool is_socket() const noexcept override { return true; }

  // Null with an exception set.
  [[nodiscard]] static Ref disconnected(std::uint16_t code, std::string_view reason);

 protected:
  bool handle(std::string_view type, PyObject* message) override;

 private:
  bool accept(PyObject* message);
  bool send(PyObject* message);
  bool close(PyObject* message);
  bool deny();

  worker::WebSocket* socket_ = nullptr;
  bool connect_given_ = false;
  bool accepted_ = false;
  bool closed_ = false;  // by the application, which may send nothing more
  bool told_over_ = false;
};

}  // namespace monodon::python
