// SPDX-License-Identifier: Apache-2.0
// Fuzz target: what a client of the control socket sends, in pieces, before it leaves.
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <vector>

#include "base/net/unix_address.h"
#include "master/system/control_socket.h"
#include "tests/fuzz/target.h"

namespace monodon {
namespace {

using namespace master;

constexpr std::size_t kMaxLine = 4096;  // of control_socket.h
constexpr std::size_t kMaxPiece = 3000;

// A server that answers each line with its number, and one client of it.
struct Exchange {
  std::filesystem::path folder = std::filesystem::temp_directory_path() /
                                 ("control-fuzz." + std::to_string(::getpid()));
  EventLoop loop;
  ControlServer server;
  UniqueFd client;
  std::vector<std::string> lines;
  std::string answers;

  Exchange() {
    std::filesystem::create_directories(folder);
    const std::string path = folder / "socket";
    auto opened = ControlServer::open(path);
    if (!opened) return;
    server = std::move(opened).value();
    server.attach(loop, [this](std::string_view line, ControlClient) {
      lines.emplace_back(line);
      return ControlReply{std::to_string(lines.size()), {}, {}};
    });
    const auto to = UnixAddress::of_path(path).value();
    client = UniqueFd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (::connect(client.get(), to.data(), to.size()) != 0) client.reset();
  }
  ~Exchange() { std::filesystem::remove_all(folder); }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // Sends all of it, a piece each turn, and reads until the server has closed.
  void run(std::string_view input, std::size_t piece) {
    loop.on_turn([&, piece] {
      server.tidy();
      std::array<char, 4096> buffer{};
      ssize_t got = 0;
      while ((got = ::recv(client.get(), buffer.data(), buffer.size(), 0)) > 0)
        answers.append(buffer.data(), static_cast<std::size_t>(got));
      if (got == 0 || errno == ECONNRESET) return loop.stop();
      const std::string_view part = input.substr(0, piece);
      const ssize_t sent = ::send(client.get(), part.data(), part.size(), MSG_NOSIGNAL);
      if (sent > 0) input.remove_prefix(static_cast<std::size_t>(sent));
      if (input.empty()) (void)::shutdown(client.get(), SHUT_WR);
    });
    loop.run();
  }
};

std::string lost_line(std::string_view input, std::uint32_t seed) {
  Exchange exchange;
  if (!exchange.client) return {};
  exchange.run(input, 1 + seed * kMaxPiece / 255);
  std::string expected;
  for (std::size_t i = 0; i < exchange.lines.size(); ++i) {
    const std::string& line = exchange.lines[i];
    if (input.substr(0, line.size()) != line || input[line.size()] != '\n')
      return "a line that nobody sent";
    input.remove_prefix(line.size() + 1);
    expected += std::to_string(i + 1) + "\n";
  }
  if (!expected.starts_with(exchange.answers)) return "an answer that nobody gave";
  // A client that leaves in the middle may miss answers, never lines before its last.
  const std::size_t end = input.find('\n');
  if (end != std::string_view::npos && end <= kMaxLine)
    return "a line without an answer";
  return {};
}

const fuzz::Target kControlTarget{"control", lost_line};

}  // namespace
}  // namespace monodon
