// SPDX-License-Identifier: Apache-2.0
// What is imported after the application itself: by the next zygote, and by workers.
#include <algorithm>
#include <csignal>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/log/log.h"
#include "worker/python/application.h"
#include "worker/python/py.h"

namespace monodon::python {

worker::LateImports PythonApplication::import_late(const worker::Boot& boot) {
  const Ref learned = str_list(boot.learned);
  const bool refuse = boot.settings.learned_imports == "refuse";
  const Ref both =
      call_runtime("import_late", learned.get(), refuse ? Py_True : Py_False);
  PyObject* broken = nullptr;
  PyObject* told = nullptr;
  if (!both || PyArg_ParseTuple(both.get(), "O!O!", &PyList_Type, &broken, &PyList_Type,
                                &told) == 0)
    return {{take_traceback()}, {}};
  return {texts_of(broken), texts_of(told)};
}

namespace {

void call_with_lines(const char* function, std::string_view lines) {
  std::vector<std::string> all;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    if (end != 0) all.emplace_back(lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  const Ref list = str_list(all);
  if (!list || !call_runtime(function, list.get())) PyErr_Clear();
}

}  // namespace

void PythonApplication::prepare_to_learn() {
  if (!call_runtime("prepare_to_learn"))
    log::warning("learning imports raised\n" + take_traceback(),
                 {log::Id::application_warning});
}

void PythonApplication::tell_imports_to(Tell tell) {
  tell_imports_ = std::move(tell);
  modules_ = PyImport_GetModuleDict();
}

bool PythonApplication::can_be_imported_early(const std::string& line) {
  const Ref list = str_list({line});
  if (!list) return false;
  const Ref can = call_runtime("can_be_imported_early", PyList_GetItem(list.get(), 0));
  if (can) return can.get() == Py_True;
  PyErr_Clear();
  return false;
}

void PythonApplication::import_early(std::string_view lines) {
  call_with_lines("import_early", lines);
}

void PythonApplication::import_beside_requests(std::string_view lines) {
  if (modules_ == nullptr) return;
  // By a thread of its own: the keeper may be who calls, and waits for no GIL, since the
  // request that it stands in for has it, and waits for the keeper as it ends.
  sigset_t all;
  sigset_t before;
  (void)::sigfillset(&all);
  (void)::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread{[list = std::string{lines}] {
      const PyGILState_STATE state = PyGILState_Ensure();
      call_with_lines("import_beside_requests", list);
      PyGILState_Release(state);
    }}.detach();
  } catch (const std::system_error&) {
    // No thread can be had: the request that needs them imports them.
  }
  (void)::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

// After each request that has imported something. Not for ever: some applications make
// modules in every request. The answer is out by now.
void PythonApplication::learn() {
  constexpr std::uint32_t kMost = 1000;
  if (++learned_ >= kMost) modules_ = nullptr;
  modules_seen_ = PyDict_Size(PyImport_GetModuleDict());
  const Ref both = call_runtime("learn");
  const char* lines = nullptr;
  const char* newer = nullptr;
  if (!both || PyArg_ParseTuple(both.get(), "ss", &lines, &newer) == 0)
    return PyErr_Clear();
  if (*lines != '\0') tell_imports_(lines, false);
  if (*newer != '\0') tell_imports_(newer, true);
}

}  // namespace monodon::python
