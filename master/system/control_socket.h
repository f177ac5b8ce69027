// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/net/guarded_socket.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "master/system/event_loop.h"
#include "master/system/listeners.h"

namespace monodon::master {

// One connection to the control socket; never used again for another.
using ControlClient = std::uint64_t;

// The answer to one line of a client.
struct ControlReply {
  std::string line;      // JSON, without the newline; "" if the answer comes by post()
  std::vector<int> fds;  // sent with the first byte; owned elsewhere, and only until
                         // the handler's next call. At most kMaxControlFds.
  UniqueFd own;          // one of `fds` that nobody else owns
};
inline constexpr std::size_t kMaxControlFds = 250;  // SCM_MAX_FD is 253

// The control socket: a Unix stream socket, mode 0600, for clients of our own user or
// root (SO_PEERCRED). One JSON object a line, one line of answer each, in order; or
// several lines over time, where the question is for what is under way.
//
// systemd may pass another one. Who may connect there is for its unit to say
// (SocketGroup=, SocketMode=), unless that is everybody, systemd's default: then it is
// for the same clients as ours.
//
// Nothing here waits, and nobody can keep others out by being silent: a client that
// sends no whole line or does not read its answer for ten seconds is closed, and so is
// one that sends a line of more than 4 KiB. When all places are taken the client that
// has been idle longest makes room, unless it outranks the new one; who waits for the
// end of a reload is not idle. The last places are for root and the service's user. Who
// is turned away is told why. Master only, in its loop.
class ControlServer {
 public:
  using Handler = std::function<ControlReply(std::string_view line, ControlClient)>;

  // Binds `path`, replacing a socket file that nobody answers on.
  static Result<ControlServer> open(const std::string& path);
  ControlServer() = default;  // no control socket
  ControlServer(ControlServer&&) noexcept = default;
  ControlServer& operator=(ControlServer&&) noexcept = default;
  ~ControlServer();

  // The directory was made for this socket, and goes with it.
  void own_directory(std::string path) { directory_ = std::move(path); }

  // Answers on the socket that systemd passed as well. Before attach().
  void add(Listener passed);
  // That socket; -1: there is none.
  [[nodiscard]] int passed() const noexcept { return passed_.socket.fd.get(); }

  // Starts to answer. `loop` and this object must outlive each other's use; the object
  // must not be moved any more.
  void attach(EventLoop& loop, Handler handler,
              Clock::duration patience = std::chrono::seconds{10});

  // One more line for a client. False: it is gone, or has not read a megabyte of them.
  // `last`: of those that it waits for.
  bool post(ControlClient to, std::string_view line, bool last = false);

  // Forgets clients that are done; call once per turn of the loop.
  void tidy();

 private:
  struct Client {
    ControlClient id = 0;
    std::size_t rank = 0;
    Clock::time_point since{};  // connected, answered, began a line, read something
    bool answered = false;      // to a line of its own, once at least
    bool waits = false;         // for post()
    GuardedSocket fd;
    EventLoop::OnIo readable;
    EventLoop::OnIo writable;
    std::string input;
    std::string output;
    bool starved = false;  // its next answer waits until it has read the last one
    bool gone = false;
  };

  struct Door {
    Listener socket;
    EventLoop::OnIo readable;
    bool for_whoever_may = false;  // connect, by the mode of the socket file
  };

  void accept(const Door& door);
  bool make_room(std::size_t rank);
  void end_silent();
  void enable_doors(bool on);
  void read(Client& client);
  void answer(Client& client);
  void flush(Client& client);
  void await_line(Client& client);
  void await_room(Client& client);

  Door own_;
  Door passed_;
  std::string directory_;  // "": stays
  EventLoop* loop_ = nullptr;
  EventLoop::OnTime pause_;    // of accepting, when descriptors or memory ran out
  EventLoop::OnTime silence_;  // of some client
  Clock::duration patience_{};
  Handler handler_;
  std::list<Client> clients_;
  ControlClient last_client_ = 0;
};

}  // namespace monodon::master
