// SPDX-License-Identifier: Apache-2.0
// Evidence from the running site: one request to its socket.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>
#include <vector>

#include "base/net/unix_address.h"
#include "base/process/closer.h"
#include "base/process/passed_fds.h"
#include "base/text/number.h"
#include "base/unique_fd.h"
#include "cli/doctor/gather.h"
#include "cli/live/control_client.h"

namespace monodon::cli {
namespace {

constexpr std::size_t kMostAnswer = 65536;
constexpr int kPatienceS = 30;

std::string owner_of(uid_t uid, gid_t gid) {
  const passwd* const user = ::getpwuid(uid);
  const std::string name = user == nullptr ? std::to_string(uid) : user->pw_name;
  const group* const its = ::getgrgid(gid);
  return fmt::format("{}:{}", name,
                     its == nullptr ? std::to_string(gid) : its->gr_name);
}

PathStep look_at(const std::string& path) {
  PathStep step;
  step.path = path;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return step;
  step.exists = true;
  step.is_socket = S_ISSOCK(status.st_mode);
  step.mode = status.st_mode & 07777;
  step.uid = status.st_uid;
  step.gid = status.st_gid;
  step.owner = owner_of(status.st_uid, status.st_gid);
  return step;
}

// What the first line of the answer and the Server field say.
void read_answer(const std::string& answer, Probe& probe) {
  if (!answer.starts_with("HTTP/1.") || answer.size() < 12) {
    probe.error = answer.empty() ? ECONNRESET : EPROTO;
    return;
  }
  probe.status = static_cast<int>(parse_number(answer.substr(9, 3)).value_or(0));
  constexpr std::string_view kField = "\r\nServer: ";
  const std::size_t at = answer.find(kField);
  if (at == std::string::npos) return;
  const std::size_t begin = at + kField.size();
  probe.server = answer.substr(begin, answer.find('\r', begin) - begin);
}

int connect_unix(int fd, const std::string& path) {
  const auto address = UnixAddress::of_path(path);
  if (!address) return ENAMETOOLONG;
  return ::connect(fd, address->data(), address->size()) == 0 ? 0 : errno;
}

// "127.0.0.1:8000", "[::1]:8000"; what listens everywhere is asked on the loopback.
int connect_ip(int fd, const std::string& text) {
  const std::size_t colon = text.rfind(':');
  const auto port = parse_number(text.substr(colon + 1));
  std::string host = text.substr(0, colon);
  if (!port || *port > 65535) return EINVAL;
  const auto number = ::htons(static_cast<std::uint16_t>(*port));
  if (host.starts_with('[')) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = number;
    host = host == "[::]" ? "::1" : host.substr(1, host.size() - 2);
    if (::inet_pton(AF_INET6, host.c_str(), &address.sin6_addr) != 1) return EINVAL;
    return ::connect(fd, reinterpret_cast<const sockaddr*>(&address),
                     sizeof(address)) == 0
               ? 0
               : errno;
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = number;
  if (host == "0.0.0.0" || host == "localhost") host = "127.0.0.1";
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) return EINVAL;
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) ==
                 0
             ? 0
             : errno;
}

int exchange(int fd, const std::string& address, const std::string& host,
             Probe& probe) {
  const timeval patience{kPatienceS, 0};
  (void)::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  const int refused =
      address.starts_with('/') ? connect_unix(fd, address) : connect_ip(fd, address);
  if (refused != 0) return refused;
  const std::string request = fmt::format(
      "GET / HTTP/1.1\r\nHost: {}\r\nUser-Agent: monodon-doctor\r\n"
      "X-Forwarded-Proto: https\r\nConnection: close\r\n\r\n",
      host);
  if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) < 0) return errno;
  std::string answer;
  std::array<char, 4096> block;
  while (answer.size() < kMostAnswer && answer.find("\r\n\r\n") == std::string::npos) {
    pollfd ready{fd, POLLIN, 0};
    if (::poll(&ready, 1, kPatienceS * 1000) == 0) return EAGAIN;
    // What an application sends along may make its last owner wait in close(2).
    std::vector<UniqueFd> strangers;
    const ssize_t got = receive_guarded(fd, block, strangers);
    const int code = errno;
    Closer::of_process().close(std::move(strangers));
    if (got < 0 && code != EAGAIN) return code;
    if (got < 0) continue;
    if (got == 0) break;
    answer.append(block.data(), static_cast<std::size_t>(got));
  }
  read_answer(answer, probe);
  return probe.error;
}

}  // namespace

std::vector<PathStep> path_steps(const std::string& path) {
  std::vector<PathStep> steps;
  if (!path.starts_with('/')) return steps;
  for (std::size_t at = 0; at != std::string::npos; at = path.find('/', at + 1)) {
    steps.push_back(look_at(at == 0 ? "/" : path.substr(0, at)));
  }
  steps.push_back(look_at(path));
  return steps;
}

unsigned count_listeners(std::string_view text, std::string_view path) {
  unsigned count = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    // Num RefCount Protocol Flags Type St Inode Path; 00010000 is __SO_ACCEPTCON.
    const bool listens = line.find(" 00010000 0001 ") != std::string_view::npos;
    if (listens && line.ends_with(path) && line[line.size() - path.size() - 1] == ' ') {
      ++count;
    }
  }
  return count;
}

Account find_account(const std::string& name) {
  Account account;
  account.name = name;
  const passwd* const entry = ::getpwnam(name.c_str());
  if (entry == nullptr) return account;
  account.exists = true;
  account.uid = entry->pw_uid;
  std::array<gid_t, 256> groups{};
  int count = static_cast<int>(groups.size());
  if (::getgrouplist(name.c_str(), entry->pw_gid, groups.data(), &count) < 0) {
    count = static_cast<int>(groups.size());
  }
  account.groups.assign(groups.begin(), groups.begin() + count);
  return account;
}

Probe ask_socket(const std::string& address, const std::string& host) {
  Probe probe;
  const int family = address.starts_with('/')   ? AF_UNIX
                     : address.starts_with('[') ? AF_INET6
                                                : AF_INET;
  const UniqueFd fd{::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const auto begin = std::chrono::steady_clock::now();
  probe.error = fd ? exchange(fd.get(), address, host, probe) : errno;
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begin);
  probe.milliseconds = static_cast<std::uint64_t>(took.count());
  return probe;
}

std::optional<ServerStatus::Preload> ask_for_preload(
    const std::string& control_socket) {
  const auto answer =
      ask(control_socket, R"({"op":"status"})", std::chrono::seconds{2});
  if (!answer) return std::nullopt;
  auto view = ServerView::open(answer.value());
  if (!view) return std::nullopt;
  return view.value().read().preload;
}

}  // namespace monodon::cli
