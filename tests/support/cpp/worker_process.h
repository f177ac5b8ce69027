// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "worker/wire/boot.h"
#include "worker/wire/wire.h"

namespace monodon::testing {

// A worker in a process of its own, without master or zygote: the test holds the other
// end of its channel, its page and its listener. The application is native and does
// what the path says:
//
//   /            "hello"                      /echo     the body back
//   /big         4 MiB, numbered              /stream   8 pieces, without a length
//   /gate        waits until release()        /nothing  returns without an answer
//   /short       promises 100 bytes, sends 5  /early    103, then 200
class WorkerProcess {
 public:
  explicit WorkerProcess(worker::Settings settings = {});
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  // A new connection to the listener.
  UniqueFd connect() const;
  // Sends `request` on a new connection and reads until the worker closes it.
  std::string ask(std::string_view request) const;
  // Lets one request to /gate go on.
  void release() const;
  // Waits until a request to /gate has arrived there.
  void await_gate() const;

  // Waits for the next message of the worker.
  wire::Message await_message() const;
  // Fills the channel until the worker can send nothing. What is in it comes as
  // messages of kind `warning` before those of the worker.
  void clog() const;
  // The next message that clog() did not put there.
  wire::Message await_message_behind_clog() const;
  void send(wire::Kind kind, std::int64_t value = 0) const;
  // What it writes when it is asked for its stacks.
  [[nodiscard]] std::string stacks() const;
  void hang_up() { channel_.reset(); }  // what the death of the master looks like
  void signal(int signo) const;
  int wait();  // exit status, or 128 + signal
  [[nodiscard]] int page() const { return page_.get(); }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int handoff_in() const { return handoff_send_.get(); }
  [[nodiscard]] int handoff_out() const { return handoff_receive_.get(); }

 private:
  worker::Boot boot_;
  UniqueFd listener_, channel_, their_channel_, page_, handoff_send_, handoff_receive_;
  UniqueFd gate_arrived_, gate_release_;
  pid_t pid_ = -1;
  bool waited_ = false;
};

// Reads until the end of file or `until` has been seen; "" at the end of ten seconds.
std::string read_until(int fd, std::string_view until = {});
void write_all(int fd, std::string_view bytes);

}  // namespace monodon::testing
