// SPDX-License-Identifier: Apache-2.0
// Who holds the GIL, for stacks.
#include "worker/python/gil.h"

#include <dlfcn.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "worker/python/py.h"

namespace monodon::python {
namespace {

// Until 3.11 the current state is one variable of the process, and this reads it; later
// each thread has its own.
using Peek = PyThreadState* (*)();

// From 3.13 on _PyRuntime begins with a table of offsets for debuggers,
// _Py_DebugOffsets in Include/internal of CPython.
struct Offsets {
  std::array<char, 8> cookie;
  std::uint64_t version, free_threaded;
  std::uint64_t runtime_size, finalizing, interpreters_head;
  std::array<std::uint64_t, 14> interpreter;
};

const void* look_by_offsets(const char* runtime) noexcept {
  Offsets offsets{};
  std::memcpy(&offsets, runtime, sizeof offsets);
  constexpr std::string_view kCookie = "xdebugpy";
  if (std::string_view{offsets.cookie.data(), offsets.cookie.size()} != kCookie ||
      offsets.free_threaded != 0)
    return nullptr;
  // 3.14 has one member more before them, threads_main.
  const std::size_t locked = Py_Version >= 0x030E0000 ? 12 : 11;
  const char* interpreter = nullptr;
  std::memcpy(&interpreter, runtime + offsets.interpreters_head, sizeof interpreter);
  if (interpreter == nullptr) return nullptr;
  int is_locked = 0;
  std::memcpy(&is_locked, interpreter + offsets.interpreter[locked], sizeof is_locked);
  if (is_locked != 1) return nullptr;
  const void* holder = nullptr;
  std::memcpy(&holder, interpreter + offsets.interpreter[locked + 1], sizeof holder);
  return holder;
}

}  // namespace

const void* gil_holder() noexcept {
  if (Py_Version < 0x030C0000) {
    static const auto peek =
        reinterpret_cast<Peek>(::dlsym(RTLD_DEFAULT, "_PyThreadState_UncheckedGet"));
    return peek == nullptr ? nullptr : peek();
  }
  if (Py_Version < 0x030D0000 || Py_Version >= 0x030F0000) return nullptr;
  static const auto* const runtime =
      static_cast<const char*>(::dlsym(RTLD_DEFAULT, "_PyRuntime"));
  return runtime == nullptr ? nullptr : look_by_offsets(runtime);
}

}  // namespace monodon::python
