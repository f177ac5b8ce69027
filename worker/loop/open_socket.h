// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "worker/application.h"
#include "worker/websocket/session.h"

namespace monodon::worker {

class OpenFlight;
class WebSockets;

// A WebSocket between its connection and the application: frames are read and written
// here, pings are answered, and what the application does not receive is a reason to
// read no further. It lives as long as its flight. Main thread.
class OpenSocket final : public WebSocket {
 public:
  // What the application has not received, at most, before nothing more is read. One
  // read, and the message that it completes, may go beyond.
  static constexpr std::size_t kMostMessages = 32;
  static constexpr std::size_t kMostBytes = 1024UL * 1024;

  // Both outlive it.
  OpenSocket(WebSockets& of, OpenFlight& flight, std::uint64_t max_message)
      : of_{of}, flight_{flight}, session_{max_message} {}

  [[nodiscard]] std::vector<std::string_view> offered() const override;
  std::string accept(std::string_view subprotocol,
                     std::span<const http::Field> fields) override;
  bool receive(Message& message) override;
  bool send(bool text, std::string_view payload) override;
  void close(std::uint16_t code, std::string_view reason) override;
  [[nodiscard]] bool over() const noexcept override { return over_; }
  [[nodiscard]] std::uint16_t code() const noexcept override { return code_; }
  [[nodiscard]] const std::string& reason() const noexcept override { return reason_; }

  [[nodiscard]] bool accepted() const noexcept { return accepted_; }
  // Reads what there is, as long as the application has room for it, into `scratch`.
  // False: there may be more, and others first.
  bool read(std::span<char> scratch, std::uint64_t now_ns);
  // Sends what waits, unless the client has too much to take already.
  void push();
  // Pings, and who does not answer them. The time of the next look, CLOCK_MONOTONIC.
  std::uint64_t look(std::span<char> scratch, std::uint64_t now_ns);
  // Whether the application has something to hear since this was asked last.
  [[nodiscard]] bool take_news() noexcept;
  // The application is done with it: closes it, unless it is over, and leaves nothing
  // behind.
  void finish();
  // The client may be in the middle of something, and should be let finish.
  [[nodiscard]] bool lingers() const noexcept;

  bool queued = false;  // WebSockets will read it in this turn

 private:
  void take(char* data, std::size_t size);
  [[nodiscard]] bool paused() const noexcept {
    return messages_.size() - next_ >= kMostMessages || bytes_ >= kMostBytes;
  }
  void end(std::uint16_t code, std::string_view reason);
  void lose();
  void push_all();

  WebSockets& of_;
  OpenFlight& flight_;
  websocket::Session session_;
  std::vector<Message> messages_;  // from next_ on
  std::size_t next_ = 0;
  std::size_t bytes_ = 0;
  std::string rest_;  // was read, and the application has no room for it
  bool accepted_ = false;
  bool began_ = false;  // what came along with the request was taken
  bool lost_ = false;   // the connection has ended
  bool over_ = false;
  bool news_ = false;
  std::uint16_t code_ = 0;
  std::string reason_;
  std::uint64_t heard_ns_ = 0;
  std::uint64_t pinged_ns_ = 0;
  std::uint64_t unanswered_ns_ = 0;  // the first ping since then; 0: none
};

}  // namespace monodon::worker
