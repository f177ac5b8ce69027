// SPDX-License-Identifier: Apache-2.0
// Finds the control socket of a running server and asks it.
#include "cli/live/control_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/net/unix_address.h"
#include "base/process/closer.h"
#include "base/process/passed_fds.h"
#include "base/text/text.h"

namespace monodon::cli {
namespace {

constexpr std::size_t kMaxAnswer = 4 << 20;
constexpr unsigned kMaxLines = 100'000;  // a reload tells some for each worker

Result<UniqueFd> connect_to(const std::string& path) {
  const auto address = UnixAddress::of_path(path);
  if (!address) return Error{"connect to " + path, ENAMETOOLONG};
  UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!fd) return last_error("make a socket");
  if (::connect(fd.get(), address->data(), address->size()) != 0) {
    const int code = errno;
    if (code == ECONNREFUSED)
      return Error{"nobody answers on " + path + ": the server is not running"};
    if (code == ENOENT)
      return Error{"there is no " + path +
                   ": the server is not running, or has another runtime_directory"};
    return Error{"connect to the server at " + path, code};
  }
  return fd;
}

// Appends what has arrived; 0 at end of file.
Result<std::size_t> receive_some(int socket, Answer& answer) {
  std::array<char, 65536> text{};
  iovec part{text.data(), text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxPassedFds * sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const auto size = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  if (size < 0) return last_error("read the server's answer");
  take_passed_fds(header, answer.fds);
  answer.line.append(text.data(), static_cast<std::size_t>(size));
  return static_cast<std::size_t>(size);
}

std::string refusal_in(const std::string& line) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("error") || !json["error"].is_string())
    return {};
  std::string text;
  append_printable_lines(text, json["error"].get<std::string>(), {});
  return text;
}

}  // namespace

Answer::~Answer() {
  if (!fds.empty()) Closer::of_process().close(std::move(fds));
}

// There may be more in it, unread.
Conversation::~Conversation() {
  if (socket_) Closer::of_process().close(std::move(socket_));
}

Result<Conversation> Conversation::begin(const std::string& socket_path,
                                         std::string_view line) {
  auto socket = connect_to(socket_path);
  if (!socket) return socket.error();
  see_all_passed_fds(socket.value().get());
  const std::string request = std::string{line} + "\n";
  // Who was turned away finds the reason in what can be read.
  if (::send(socket.value().get(), request.data(), request.size(), MSG_NOSIGNAL) < 0 &&
      errno != EPIPE)
    return last_error("send to the server at " + socket_path);
  Conversation made;
  made.path_ = socket_path;
  made.socket_ = std::move(socket).value();
  return made;
}

Result<Answer> Conversation::next(Clock::time_point until) {
  while (read_.line.find('\n') == std::string::npos) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    const auto most = std::clamp<std::int64_t>(left.count(), 0, 1'000'000);
    pollfd ready{socket_.get(), POLLIN, 0};
    const int polled = ::poll(&ready, 1, static_cast<int>(most));
    if (polled < 0 && errno == EINTR) continue;
    if (polled <= 0 && most > 0 && Clock::now() < until) continue;
    if (polled <= 0)
      return Error{"the server at " + path_ +
                   " does not answer: it hangs, or is stopped"};
    auto size = receive_some(socket_.get(), read_);
    if (!size) return size.error();
    if (size.value() == 0)
      return Error{"the server at " + path_ +
                   " closed the connection without an answer; its log may say why"};
    if (read_.line.size() > kMaxAnswer) return Error{"the server's answer has no end"};
  }
  if (++lines_ > kMaxLines) return Error{"the server's answer has no end"};
  Answer answer;
  const std::size_t end = read_.line.find('\n');
  answer.line = read_.line.substr(0, end);
  answer.fds = std::exchange(read_.fds, {});
  read_.line.erase(0, end + 1);
  return answer;
}

Result<Answer> ask(const std::string& socket_path, std::string_view line,
                   std::chrono::milliseconds patience) {
  auto conversation = Conversation::begin(socket_path, line);
  if (!conversation) return conversation.error();
  auto answer = conversation.value().next(Clock::now() + patience);
  if (!answer) return answer;
  if (std::string why = refusal_in(answer.value().line); !why.empty())
    return Error{"the server refused: " + why};
  return answer;
}

}  // namespace monodon::cli
