// SPDX-License-Identifier: Apache-2.0
// The terminal that top draws on: its size, its keys, and how it is left.
#include "cli/live/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

namespace monodon::cli {
namespace {

constexpr std::string_view kTake =
    "\x1b[?1049h\x1b[?25l\x1b[?7l";  // screen, cursor, wrap
constexpr std::string_view kGiveBack = "\x1b[?7h\x1b[?25h\x1b[?1049l";

sigset_t watched_signals() {
  sigset_t set;
  (void)::sigemptyset(&set);
  for (const int signo : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGPIPE})
    (void)::sigaddset(&set, signo);
  return set;
}

// The key of a sequence without its ESC: "[A", "[5~"; 0: none of ours.
char key_of(std::string_view sequence) {
  constexpr std::array<std::pair<std::string_view, char>, 14> kKeys{{
      {"[A", Terminal::kUp},
      {"OA", Terminal::kUp},
      {"[B", Terminal::kDown},
      {"OB", Terminal::kDown},
      {"[5~", Terminal::kPageUp},
      {"[6~", Terminal::kPageDown},
      {"[H", Terminal::kHome},
      {"OH", Terminal::kHome},
      {"[1~", Terminal::kHome},
      {"[7~", Terminal::kHome},
      {"[F", Terminal::kEnd},
      {"OF", Terminal::kEnd},
      {"[4~", Terminal::kEnd},
      {"[8~", Terminal::kEnd},
  }};
  for (const auto& [name, key] : kKeys)
    if (name == sequence) return key;
  return 0;
}

// Sequences as one key: ESC, then [ or O, then up to a final byte.
std::string single_keys(std::string_view bytes) {
  std::string keys;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != '\x1b') {
      keys.push_back(bytes[i]);
      continue;
    }
    if (i + 1 >= bytes.size() || (bytes[i + 1] != '[' && bytes[i + 1] != 'O')) continue;
    const std::size_t begin = i + 1;
    for (i += 2; i < bytes.size() && (bytes[i] < '@' || bytes[i] > '~');) ++i;
    if (const char key = key_of(bytes.substr(begin, i + 1 - begin)); key != 0)
      keys.push_back(key);
  }
  return keys;
}

}  // namespace

Result<Terminal> Terminal::open() {
  if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDOUT_FILENO) != 1)
    return Error{"standard input and output are not a terminal"};
  Terminal terminal;
  const sigset_t set = watched_signals();
  terminal.signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!terminal.signals_) return last_error("watch signals");
  if (::tcgetattr(STDIN_FILENO, &terminal.before_) != 0)
    return last_error("read the terminal's settings");
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return last_error("block signals");
  terminal.take();
  return terminal;
}

Terminal::~Terminal() {
  if (!signals_) return;  // moved from
  give_back();
  // A signal that waits has done what it is for: we are leaving.
  sigset_t set = watched_signals();
  const timespec at_once{};
  while (::sigtimedwait(&set, nullptr, &at_once) > 0) continue;
  (void)::sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

void Terminal::take() {
  termios raw = before_;
  // Signals from the keyboard stay: Ctrl-C and Ctrl-Z do what they always do.
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  (void)::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
  (void)write(kTake);
  taken_ = true;
}

void Terminal::give_back() {
  if (!std::exchange(taken_, false)) return;
  (void)write(kGiveBack);
  (void)::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
}

void Terminal::suspend() {
  give_back();
  (void)::raise(SIGSTOP);  // returns when the shell brings us back
  take();
}

Terminal::Size Terminal::size() const {
  winsize window{};
  Size size;
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0) return size;
  // 0: a terminal that does not know, such as a serial line.
  if (window.ws_col != 0) size.columns = window.ws_col;
  if (window.ws_row != 0) size.rows = window.ws_row;
  return size;
}

bool Terminal::draw(const std::vector<std::string>& lines) {
  std::string frame = "\x1b[H";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    frame += lines[i];
    frame += "\x1b[K";
    // None after the last one, which may stand in the bottom row.
    if (i + 1 < lines.size()) frame += "\r\n";
  }
  frame += "\x1b[J";
  return write(frame);
}

bool Terminal::write(std::string_view bytes) {
  while (!bytes.empty() && !gone_) {
    const auto written = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) {
      pollfd room{STDOUT_FILENO, POLLOUT, 0};
      (void)::poll(&room, 1, 1000);
      continue;
    }
    gone_ = written <= 0;
    if (!gone_) bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return !gone_;
}

Terminal::Happened Terminal::wait(std::chrono::milliseconds longest) {
  Happened happened;
  std::array<pollfd, 2> ready{{{STDIN_FILENO, POLLIN, 0}, {signals_.get(), POLLIN, 0}}};
  if (::poll(ready.data(), ready.size(), static_cast<int>(longest.count())) <= 0)
    return happened;
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    const auto signo = static_cast<int>(info.ssi_signo);
    if (signo == SIGTSTP) suspend();
    happened.resized = happened.resized || signo == SIGWINCH || signo == SIGTSTP;
    happened.over = happened.over || (signo != SIGWINCH && signo != SIGTSTP);
  }
  if (ready[0].revents == 0) return happened;
  std::array<char, 256> bytes{};
  const auto size = ::read(STDIN_FILENO, bytes.data(), bytes.size());
  if (size <= 0) happened.over = happened.over || (size == 0 || errno != EINTR);
  if (size > 0)
    happened.keys = single_keys({bytes.data(), static_cast<std::size_t>(size)});
  return happened;
}

}  // namespace monodon::cli
