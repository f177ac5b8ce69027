// SPDX-License-Identifier: Apache-2.0
// Python's stacks through faulthandler, without the GIL.
#include "worker/python/stacks.h"

#include <fmt/core.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>

#include "base/log/log.h"
#include "worker/python/gil.h"
#include "worker/python/py.h"
#include "worker/wire/zygote_signals.h"

namespace monodon::python {
namespace {

std::string read_from_start(int fd) {
  std::string text;
  std::array<char, 8192> block;
  for (;;) {
    const ssize_t got =
        ::pread(fd, block.data(), block.size(), static_cast<off_t>(text.size()));
    if (got <= 0) return text;
    text.append(block.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

void Stacks::arm() {
  UniqueFd memory{::memfd_create("monodon-stacks", MFD_CLOEXEC)};
  const Ref fd = Ref::steal(PyLong_FromLong(memory.get()));
  const Ref signal = Ref::steal(PyLong_FromLong(wire::stacks_signal()));
  const Ref armed = call_runtime("arm_stacks", signal.get(), fd.get());
  if (!armed) {
    log::warning("stacks cannot be taken\n" + take_traceback(),
                 {log::Id::stacks_missing});
    return;
  }
  memory_ = std::move(memory);
  name_this_thread("main");
}

void Stacks::name_this_thread(std::string name) {
  const std::lock_guard lock{mutex_};
  names_.push_back({::pthread_self(), std::move(name), PyThreadState_Get()});
}

std::string Stacks::take() {
  if (!memory_) return {};
  if (::ftruncate(memory_.get(), 0) != 0 || ::lseek(memory_.get(), 0, SEEK_SET) != 0)
    return {};
  const void* const holder = gil_holder();
  // Handled before this returns, since the signal is not blocked in this thread.
  sigset_t set;
  sigset_t old;
  (void)::sigemptyset(&set);
  (void)::sigaddset(&set, wire::stacks_signal());
  (void)::pthread_sigmask(SIG_UNBLOCK, &set, &old);
  (void)::pthread_kill(::pthread_self(), wire::stacks_signal());
  (void)::pthread_sigmask(SIG_SETMASK, &old, nullptr);
  std::string text = read_from_start(memory_.get());

  // faulthandler knows threads by their pthread_t only.
  const std::lock_guard lock{mutex_};
  for (const Name& name : names_) {
    const std::string id =
        fmt::format("Thread 0x{:016x}", reinterpret_cast<std::uintptr_t>(name.thread));
    if (const std::size_t at = text.find(id); at != std::string::npos)
      text.insert(at + id.size(), " [" + name.text + "]" +
                                      (name.state == holder ? " [holds the GIL]" : ""));
  }
  return text;
}

}  // namespace monodon::python
