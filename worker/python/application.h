// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pthread.h>

#include <memory>
#include <optional>
#include <vector>

#include "worker/application.h"
#include "worker/python/gateway.h"
#include "worker/python/py.h"
#include "worker/python/stacks.h"

namespace monodon::python {

// A Python application in the interpreter that loaded this extension: loading, forking,
// threads and signals. What it is asked, and how, is the Gateway's.
//
// The main thread holds the GIL when it enters any of these but serve() and
// on_interrupt(); run_main() lets go of it. Application threads are threading.Thread
// objects named monodon-N.
class PythonApplication final : public worker::Application {
 public:
  PythonApplication(MakeGateway make_wsgi, MakeGateway make_asgi)
      : make_wsgi_{make_wsgi}, make_asgi_{make_asgi} {}

  worker::LoadError prepare(const worker::Boot& boot) override;
  worker::LoadError load(const worker::Boot& boot) override;
  worker::LateImports import_late(const worker::Boot& boot) override;
  void prepare_to_learn() override;
  void tell_imports_to(Tell tell) override;
  bool can_be_imported_early(const std::string& line) override;
  void import_early(std::string_view lines) override;
  void import_beside_requests(std::string_view lines) override;
  worker::LoadError call_pre_fork() override;
  std::vector<std::string> prepare_to_fork(bool explain) override;
  void stop_zygote(bool discard) override;
  HooksCalled call_once(std::uint32_t hooks) override;
  void wait_begins() noexcept override;
  void wait_ends() noexcept override { take_gil(); }
  void before_fork(const worker::WorkerInfo& which) override;
  void worker_ended(const worker::WorkerInfo& which, int pid) override;
  void workers_wanted(std::uint32_t now, std::uint32_t before) override;
  void upgrade_begins() override;
  void server_ends() override;
  int fork() override;
  int fork_child() override;
  void rehearse() override;
  void end_rehearsal() override;
  worker::LoadError start_worker(const worker::WorkerInfo& info) override;
  Outcome start_thread(unsigned index, void (*body)(void*, unsigned),
                       void* context) override;
  void run_main(void (*body)(void*, unsigned), void* context) override;
  void serve(const worker::Request& request,
             worker::Response& response) noexcept override;
  [[nodiscard]] bool interleaves() const noexcept override {
    return gateway_ && gateway_->interleaves();
  }
  bool start(const worker::Request& request, worker::Response& response,
             worker::Pending& pending) noexcept override;
  void tell(worker::Pending& pending, worker::News news) noexcept override;
  [[nodiscard]] bool wants_turn() noexcept override;
  worker::LoadError run_turns(worker::Turns& turns) override;
  void rest() noexcept override { let_go_of_gil(); }
  [[nodiscard]] int signal_fd() const noexcept override { return signals_.get(); }
  void on_interrupt() override;
  std::string dump_stacks() override;
  void on_deadline() noexcept override;
  void stop_worker() override;
  void leave_at_once(bool told) override;

 private:
  void answer(const worker::Request& request, worker::Response& response);
  void watch_signals();
  int told(int pid);  // of a fork, here and there; keeps errno
  void call_hook(const char* call, const char* hook, PyObject* numbers = nullptr);
  void learn();

  MakeGateway make_wsgi_;
  MakeGateway make_asgi_;
  std::unique_ptr<Gateway> gateway_;  // after load
  Stacks stacks_;
  Tell tell_imports_;
  // What a gunicorn.conf.py wants to do in this worker.
  std::optional<pthread_t> tell_deadlines_to_;  // the main thread
  int deadline_signal_ = 0;
  bool has_last_words_ = false;
  bool has_hooks_ = false;
  PyObject* modules_ = nullptr;  // sys.modules; null: nothing is learned
  Py_ssize_t modules_seen_ = 0;
  std::uint32_t learned_ = 0;  // how often was looked for new modules
  UniqueFd signals_;           // readable once a signal came (signal.set_wakeup_fd)
  UniqueFd signals_from_;      // where the interpreter's handler writes
};

// The function that application threads run, for the module's method table.
PyObject* run_thread(PyObject* module, PyObject* job);

// The access line of the request that this thread runs. None: it is the server's.
// False: there is none. A text: that.
PyObject* access_line(PyObject* module, PyObject* choice);

}  // namespace monodon::python
