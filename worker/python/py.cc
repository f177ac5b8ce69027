// SPDX-License-Identifier: Apache-2.0
// Tracebacks and texts of Python, and calls of _monodon_runtime.
#include "worker/python/py.h"

#include <unistd.h>

#include "base/log/log.h"

namespace monodon::python {
namespace {

PyObject* runtime = nullptr;

std::string plain_text(PyObject* value) {
  const Ref text = Ref::steal(PyObject_Str(value));
  if (!text) {
    PyErr_Clear();
    return "an exception that cannot be shown";
  }
  return text_of(text.get());
}

}  // namespace

void set_runtime(PyObject* module) noexcept {
  Py_INCREF(module);
  runtime = module;
}

std::string text_of(PyObject* str) {
  const Ref bytes =
      Ref::steal(PyUnicode_AsEncodedString(str, "utf-8", "backslashreplace"));
  if (!bytes) {
    PyErr_Clear();
    return {};
  }
  return std::string{bytes_view(bytes.get())};
}

Ref call_runtime(const char* name, PyObject* argument, PyObject* second) {
  if (runtime == nullptr) {
    PyErr_SetString(PyExc_RuntimeError, "the runtime module was not loaded");
    return {};
  }
  const Ref function = Ref::steal(PyObject_GetAttrString(runtime, name));
  if (!function) return {};
  return Ref::steal(came_back(
      PyObject_CallFunctionObjArgs(function.get(), argument, second, nullptr)));
}

void end_stranger() noexcept {
  PyObject* type = nullptr;
  PyObject* error = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &error, &traceback);
  PyErr_NormalizeException(&type, &error, &traceback);
  if (traceback != nullptr) (void)PyException_SetTraceback(error, traceback);
  if (error == nullptr)
    log::warning(
        "a process that the application forked came out of its code as if it were the "
        "worker; it ends here, and what it answers goes to nobody",
        {log::Id::application_forked});
  PyObject* function = PyObject_GetAttrString(runtime, "end_stranger");
  PyObject* status = PyObject_CallFunctionObjArgs(
      function, error != nullptr ? error : Py_None, nullptr);
  ::_exit(status != nullptr ? static_cast<int>(PyLong_AsLong(status)) : 1);
}

namespace {

// What the function `as` of the runtime makes of the exception that is set.
std::string take_exception(const char* as, PyObject* second = nullptr) {
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  if (type == nullptr) return "no exception";
  PyErr_NormalizeException(&type, &value, &traceback);
  const Ref owned_type = Ref::steal(type);
  const Ref owned_value = Ref::steal(value);
  const Ref owned_traceback = Ref::steal(traceback);
  if (traceback != nullptr) (void)PyException_SetTraceback(value, traceback);
  const Ref text = call_runtime(as, value, second);
  if (!text) {
    // No memory, or an exception whose own methods raise.
    PyErr_Clear();
    return plain_text(type);
  }
  return text_of(text.get());
}

}  // namespace

std::string take_traceback() {
  return take_exception("format_exception");
}

std::string take_traceback_of_request(std::string_view path) {
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  const Ref text = Ref::steal(PyUnicode_DecodeLatin1(
      path.data(), static_cast<Py_ssize_t>(path.size()), nullptr));
  PyErr_Restore(type, value, traceback);
  return text ? take_exception("explain_request", text.get()) : take_traceback();
}

std::string take_explanation() {
  return take_exception("explain");
}

Ref str_list(const std::vector<std::string>& texts) {
  Ref list = Ref::steal(PyList_New(0));
  for (const std::string& text : texts) {
    // As os.fsdecode: paths and environment are bytes to the kernel.
    const Ref item = Ref::steal(PyUnicode_DecodeFSDefaultAndSize(
        text.data(), static_cast<Py_ssize_t>(text.size())));
    if (!list || !item || PyList_Append(list.get(), item.get()) != 0) return {};
  }
  return list;
}

std::vector<std::string> texts_of(PyObject* list) {
  std::vector<std::string> texts;
  const Py_ssize_t count = PyList_Size(list);
  for (Py_ssize_t i = 0; i < count; ++i)
    texts.push_back(text_of(PyList_GetItem(list, i)));
  return texts;
}

}  // namespace monodon::python
