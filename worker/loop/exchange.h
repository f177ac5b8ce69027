// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "worker/application.h"
#include "worker/http/response_head.h"
#include "worker/loop/connection.h"
#include "worker/loop/drain.h"

namespace monodon::worker {

// One line in the log, for a body whose file ended before its promised length. The
// connection must break then, so that the client notices.
void tell_short_file(std::uint64_t missing, std::string_view path);

// The Response of one application thread: turns what the application says into bytes,
// keeps it to the rules of HTTP, and never waits for the client.
//
// Used by its thread; only claim_for_keeper() is called by another, the keeper.
class Exchange final : public Response {
 public:
  // Where slow responses go; implemented by the keeper.
  class Finisher {
   public:
    virtual ~Finisher() = default;
    // Calls back (in the keeper) when the socket takes more. Any thread. False, and
    // logged: the kernel has no room for it, so nobody will send the rest.
    [[nodiscard]] virtual bool watch_output(Connection& connection) = 0;
  };
  struct Config {
    Output::Limits limits;
    std::string server;
    std::uint64_t write_timeout_ms = 60'000;
    http::HopByHop hop_by_hop = http::HopByHop::refuse;
    bool waits = true;  // for a client, when the limits are reached
  };
  struct Result {
    int status = 0;  // 0: nothing was sent
    std::uint64_t body_bytes = 0;
    bool keep_alive = false;
    bool end_tells = false;              // as in Connection
    bool failed = false;                 // raised, or broke the protocol
    bool shared = false;                 // the keeper sends, and may have to finish it
    std::uint64_t first_byte_at_ns = 0;  // CLOCK_MONOTONIC; 0: with the last
    std::uint64_t lock_wait_ns = 0;
  };

  Exchange(const Config& config, Finisher& finisher)
      : config_{config}, finisher_{finisher} {}

  // drain: looked at when the head is made. When nobody will take the connection, it
  // ends after this response.
  // `request_id`: of this request, for the log; lives as long as it. `serial`: of its
  // flight, if it is interleaved with others.
  void start(Connection& connection, const Drain& drain, std::string_view date,
             std::string_view request_id, std::uint64_t serial = 0);
  // Of an exchange that does not wait: from here on the client has so much to take that
  // the application should pause, and to here before it goes on.
  static constexpr std::uint64_t kHighWater = 256UL * 1024;
  static constexpr std::uint64_t kLowWater = 64UL * 1024;

  // After the application returned: settles what is left open.
  Result complete();
  [[nodiscard]] std::string_view head() const noexcept { return head_; }
  // The keeper, while it holds the request.
  [[nodiscard]] bool claimed_by_application() const noexcept {
    return claim_.load() == Claim::application;
  }

  // The deadline struck: true if nothing was sent yet, and from now on nothing of the
  // application will be.
  [[nodiscard]] bool claim_for_keeper() noexcept {
    Claim seen = Claim::nobody;
    return claim_.compare_exchange_strong(seen, Claim::keeper);
  }

  std::string take_head(const http::ResponseHead& head) override;
  std::string begin(std::optional<std::uint64_t> known_length) override;
  using Response::begin;
  [[nodiscard]] bool begun() const noexcept override { return begun_; }
  [[nodiscard]] bool sent() const noexcept override { return sent_; }
  Taken write(std::string_view data) override;
  bool send_file(int fd, std::uint64_t offset, std::uint64_t count) override;
  void finish(std::string_view data) override;
  void early_hints(std::span<const http::Field> fields) override;
  [[nodiscard]] bool congested() override;
  void abandon() noexcept override {
    if (!finished_) lost();
  }
  // Instead of a response: 101, with `fields` of the application and `own`, whole
  // lines. An error text: nothing was sent. From then on pass() sends bytes as they
  // are, unless the client is gone().
  std::string switch_protocols(std::span<const http::Field> fields,
                               std::string_view own);
  void pass(std::string_view bytes);
  [[nodiscard]] bool gone() const noexcept { return gone_; }
  // Nothing waits for the client.
  [[nodiscard]] bool all_taken();

  void note_lock_wait(std::uint64_t ns) noexcept override { lock_wait_ns_ += ns; }
  void fail(std::string_view why) override;

 private:
  enum class Claim : std::uint8_t { nobody, application, keeper };

  std::uint64_t allowed(std::uint64_t size);
  bool send_body(std::string_view data, bool last);
  bool emit(std::span<const iovec> parts);
  bool keep(std::span<const iovec> parts, std::size_t skip);
  bool send_file_now(int fd, std::uint64_t offset, std::uint64_t count);
  bool keep_file(int fd, std::uint64_t offset, std::uint64_t count);
  bool claim();
  [[nodiscard]] std::string name() const;
  void lost() noexcept { gone_ = true; }

  const Config& config_;
  Finisher& finisher_;
  Connection* c_ = nullptr;
  const Drain* drain_ = nullptr;
  std::string_view date_;
  std::string_view request_id_;
  std::uint64_t serial_ = 0;
  std::atomic<Claim> claim_{Claim::nobody};

  std::string head_;  // reused
  http::WrittenFields fields_;
  http::ResponsePlan plan_;
  std::uint64_t body_bytes_ = 0;
  std::uint64_t first_byte_at_ns_ = 0;
  std::uint64_t lock_wait_ns_ = 0;
  bool begun_ = false;
  bool sent_ = false;
  bool shared_ = false;  // the keeper sends, we append
  bool finished_ = false;
  bool gone_ = false;  // client left, or the keeper answered
  bool failed_ = false;
  bool excess_told_ = false;
};

}  // namespace monodon::worker
