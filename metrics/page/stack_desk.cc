// SPDX-License-Identifier: Apache-2.0
// The stacks of one worker, from the worker to a browser.
#include "metrics/page/stack_desk.h"

#include <sys/socket.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "base/process/closer.h"
#include "base/process/passed_fds.h"

namespace monodon::metrics {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

namespace {

constexpr std::size_t kStackBlock = 16'384;

HttpAnswer plain(unsigned status, std::string text) {
  return {status, "text/plain; charset=utf-8", std::move(text)};
}

}  // namespace

// One request, from the question to the answer. Lives in the callbacks that wait.
struct StackDesk::Round : std::enable_shared_from_this<Round> {
  Round(asio::io_context& context, std::uint32_t number, HttpServer::Reply to)
      : slot{number}, reply{std::move(to)}, deadline{context}, stream{context} {}

  void begin() {
    deadline.expires_after(kPatience);
    deadline.async_wait([self = shared_from_this()](const ErrorCode& error) {
      if (!error)
        self->end(plain(504,
                        "the worker did not answer within 5 s; it may be stopped, "
                        "start just now, or wait inside the kernel\n"));
    });
  }

  void read(UniqueFd from) {
    ErrorCode error;
    stream.assign(from.get(), error);
    if (error) return end(plain(503, error.message() + "\n"));
    (void)from.release();
    await();
  }

  void await() {
    stream.async_wait(asio::posix::stream_descriptor::wait_read,
                      [self = shared_from_this()](const ErrorCode& error) {
                        if (!error) self->take();
                      });
  }

  void take() {
    std::array<char, kStackBlock> block;
    std::vector<UniqueFd> strangers;
    const ssize_t got = receive_guarded(stream.native_handle(), block, strangers);
    Closer::of_process().close(std::move(strangers));
    if (got < 0 && errno == EAGAIN) return await();
    if (got > 0) text.append(block.data(), static_cast<std::size_t>(got));
    if (got > 0 && text.size() < kMostText) return await();
    if (text.empty())
      return end(plain(503,
                       "no Python stacks: the application is native, or the worker "
                       "has ended\n"));
    end(plain(200, std::move(text)));
  }

  void end(HttpAnswer answer) {
    ErrorCode ignored;
    (void)deadline.cancel();
    // What the application has put there and nobody has read may make close(2) wait.
    if (stream.is_open()) Closer::of_process().close(UniqueFd{stream.release()});
    if (auto to = std::exchange(reply, nullptr)) to(std::move(answer));
  }

  std::uint32_t slot;
  HttpServer::Reply reply;  // null: it was given
  asio::steady_timer deadline;
  asio::posix::stream_descriptor stream;
  std::string text;
};

StackDesk::StackDesk(HttpServer& server, int channel)
    : server_{server}, channel_{channel} {}

StackDesk::~StackDesk() = default;

void StackDesk::ask(std::uint32_t slot, HttpServer::Reply reply) {
  if (round_ && round_->reply)
    return reply(plain(503,
                       "the stacks of another worker are on their way; one at a "
                       "time\n"));
  if (auto asked = request_stacks(channel_, slot); !asked)
    return reply(plain(503, asked.error().message() + "\n"));
  round_ = std::make_shared<Round>(server_.context(), slot, std::move(reply));
  round_->begin();
}

// An answer that nobody waits for any more came too late.
void StackDesk::hear(const StacksAnswer& answer, UniqueFd stacks) {
  const bool late = !round_ || !round_->reply || round_->slot != answer.slot;
  if (late || round_->stream.is_open())
    return Closer::of_process().close(std::move(stacks));
  if (!answer.refusal.empty() || !stacks)
    return round_->end(plain(503, answer.refusal + "\n"));
  round_->read(std::move(stacks));
}

}  // namespace monodon::metrics
