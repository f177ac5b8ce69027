// SPDX-License-Identifier: Apache-2.0
#include "tests/support/cpp/worker_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "scoreboard/segment.h"
#include "worker/application.h"
#include "worker/process/worker.h"

namespace monodon::testing {

namespace {

int must(int r, const char* what) {
  if (r < 0) throw std::runtime_error{std::string{what} + ": " + std::strerror(errno)};
  return r;
}

std::string numbered(std::size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) text += std::to_string(i) + ",";
  text.resize(size);
  return text;
}

class ToyApplication final : public worker::Application {
 public:
  ToyApplication(int arrived, int release) : arrived_{arrived}, release_{release} {}

  worker::LoadError load(const worker::Boot&) override { return {0, ""}; }
  int fork() override { return -1; }
  int fork_child() override { return -1; }
  Outcome start_thread(unsigned index, void (*body)(void*, unsigned),
                       void* context) override {
    std::thread{body, context, index}.detach();
    return ok();
  }
  void run_main(void (*body)(void*, unsigned), void* context) override {
    body(context, 0);
  }
  std::string dump_stacks() override { return "stack of the toy"; }
  void serve(const worker::Request& request, worker::Response& r) noexcept override {
    const std::string_view path = request.head->path;
    const std::array<http::Field, 1> fields{{{"Content-Type", "text/plain"}}};
    const auto begin = [&](std::optional<std::uint64_t> length) {
      (void)r.begin({"200 OK", fields}, length);
    };
    if (path == "/gate") pass_gate();
    if (path == "/echo") {
      std::string body(request.body->size(), '\0');
      (void)request.body->read(0, body.data(), body.size());
      begin(body.size());
      r.finish(body);
    } else if (path == "/big") {
      const std::string body = numbered(4U << 20U);
      begin(body.size());
      r.finish(body);
    } else if (path == "/stream") {
      begin(std::nullopt);
      for (int i = 0; i < 8; ++i) (void)r.write("piece " + std::to_string(i) + "\n");
      r.finish({});
    } else if (path == "/nothing") {
      return;
    } else if (path == "/short") {
      begin(100);
      r.finish("short");
    } else if (path == "/early") {
      const std::array<http::Field, 1> link{{{"Link", "</a.css>; rel=preload"}}};
      r.early_hints(link);
      begin(2);
      r.finish("ok");
    } else {
      begin(5);
      r.finish("hello");
    }
  }

 private:
  void pass_gate() const noexcept {
    const std::uint64_t one = 1;
    (void)!::write(arrived_, &one, sizeof one);
    std::uint64_t count = 0;
    while (::read(release_, &count, sizeof count) < 0 && errno == EINTR) {
    }
  }
  int arrived_;
  int release_;
};

bool readable(int fd) {
  pollfd p{fd, POLLIN, 0};
  return ::poll(&p, 1, 10'000) == 1;
}

}  // namespace

WorkerProcess::WorkerProcess(worker::Settings settings) {
  settings.spool_directory = "/tmp";
  boot_.settings = std::move(settings);
  boot_.listeners.push_back({"http", "unix:@toy", true, "", 0});

  listener_.reset(
      must(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket"));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;  // autobind: an abstract name that nobody else has
  must(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address),
              sizeof(sa_family_t)),
       "bind");
  must(::listen(listener_.get(), 64), "listen");
  std::array<int, 2> fds{};
  must(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                    fds.data()),
       "channel");
  channel_.reset(fds[0]);
  UniqueFd theirs{fds[1]};
  their_channel_.reset(must(::fcntl(fds[1], F_DUPFD_CLOEXEC, 3), "dup"));
  must(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                    fds.data()),
       "handoff");
  handoff_send_.reset(fds[0]);
  handoff_receive_.reset(fds[1]);
  auto page = scoreboard::make_page(boot_.settings.threads);
  if (!page) throw std::runtime_error{page.error().message()};
  page_ = std::move(page).value();
  gate_arrived_.reset(must(::eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE), "eventfd"));
  gate_release_.reset(must(::eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE), "eventfd"));

  pid_ = must(::fork(), "fork");
  if (pid_ != 0) return;
  channel_.reset();
  their_channel_.reset();
  (void)::signal(SIGTERM, SIG_DFL);  // Catch2 has its own handler
  ToyApplication app{gate_arrived_.get(), gate_release_.get()};
  worker::Heritage heritage;
  heritage.slot = 1;
  heritage.serial = 7;
  heritage.generation = 2;
  heritage.boot = &boot_;
  heritage.channel = std::move(theirs);
  heritage.page.reset(::fcntl(page_.get(), F_DUPFD_CLOEXEC, 3));
  // As in life: what a worker sends, another would receive.
  heritage.handoff_send.reset(::fcntl(handoff_send_.get(), F_DUPFD_CLOEXEC, 3));
  heritage.handoff_receive.reset(::fcntl(handoff_receive_.get(), F_DUPFD_CLOEXEC, 3));
  heritage.listeners.push_back(std::move(listener_));
  ::_exit(worker::run(std::move(heritage), app));
}

WorkerProcess::~WorkerProcess() {
  if (waited_) return;
  (void)::kill(pid_, SIGKILL);
  (void)::waitpid(pid_, nullptr, 0);
}

UniqueFd WorkerProcess::connect() const {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  must(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size),
       "getsockname");
  UniqueFd fd{must(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")};
  must(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), size), "connect");
  return fd;
}

std::string WorkerProcess::ask(std::string_view request) const {
  const UniqueFd fd = connect();
  write_all(fd.get(), request);
  return read_until(fd.get());
}

void WorkerProcess::release() const {
  const std::uint64_t one = 1;
  must(static_cast<int>(::write(gate_release_.get(), &one, sizeof one)), "release");
}

void WorkerProcess::await_gate() const {
  if (!readable(gate_arrived_.get()))
    throw std::runtime_error{"no request at the gate"};
  std::uint64_t count = 0;
  must(static_cast<int>(::read(gate_arrived_.get(), &count, sizeof count)), "gate");
}

wire::Message WorkerProcess::await_message() const {
  if (!readable(channel_.get())) throw std::runtime_error{"no message of the worker"};
  auto got = wire::receive(channel_.get());
  if (!got) throw std::runtime_error{got.error().message()};
  return std::move(got).value();
}

void WorkerProcess::clog() const {
  while (wire::send(their_channel_.get(), {wire::Kind::warning, 1, 7, 2, 0})) {
  }
}

wire::Message WorkerProcess::await_message_behind_clog() const {
  for (;;) {
    wire::Message message = await_message();
    if (message.frame.kind != wire::Kind::warning) return message;
  }
}

std::string WorkerProcess::stacks() const {
  std::array<int, 2> ends{};
  must(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), "socketpair");
  const UniqueFd reader{ends[0]};
  UniqueFd writer{ends[1]};
  const int fd = writer.get();
  if (!wire::send(channel_.get(), {wire::Kind::dump, 1, 7, 2, 0}, {}, {&fd, 1}))
    throw std::runtime_error{"send to the worker"};
  writer.reset();
  return read_until(reader.get());
}

void WorkerProcess::send(wire::Kind kind, std::int64_t value) const {
  if (!wire::send(channel_.get(), {kind, 1, 7, 2, value}))
    throw std::runtime_error{"message to the worker"};
}

void WorkerProcess::signal(int signo) const {
  must(::kill(pid_, signo), "kill");
}

int WorkerProcess::wait() {
  int status = 0;
  must(::waitpid(pid_, &status, 0), "waitpid");
  waited_ = true;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string read_until(int fd, std::string_view until) {
  std::string all;
  std::array<char, 65536> some;
  while (until.empty() || all.find(until) == std::string::npos) {
    if (!readable(fd)) return "";
    const ssize_t n = ::read(fd, some.data(), some.size());
    if (n <= 0) break;
    all.append(some.data(), static_cast<std::size_t>(n));
  }
  return all;
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;  // the worker has closed: what it said is there to be read
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace monodon::testing
