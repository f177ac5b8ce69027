// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/files/file_rights.h"
#include "base/process/spawn_with_channel.h"
#include "base/result.h"

namespace monodon::master {

// Which gunicorn.conf.py is run how.
struct FileToRun {
  std::string name;               // absolute, or "python:module"
  std::string python;             // the interpreter, a path
  std::string directory;          // the working directory, and first in sys.path
  std::vector<std::string> argv;  // sys.argv
  std::string
      user;  // where we are root: who runs it; "": by master/config/code_runner.h
  std::string group;
  // "KEY=value", over what we have: of another service, whose file it is.
  std::vector<std::string> environment = {};
};

// What the process is to be once its values are known.
struct Position {
  std::vector<std::string> arguments;  // of zygote.py
  std::vector<int> fds;                // it gets copies of these
  std::vector<int> numbers;            // as these
};

// A gunicorn.conf.py in a process of its own, that has run it, or does. This process is
// the zygote afterwards, so that the file is run once. Master and tools, one thread.
class FileRun {
 public:
  // Begins. An Error names the file.
  static Result<std::shared_ptr<FileRun>> start(FileToRun order);
  // Nobody wants it any more: it ends by itself, once the file has.
  ~FileRun();
  FileRun(const FileRun&) = delete;
  FileRun& operator=(const FileRun&) = delete;

  // Readable when it is over.
  [[nodiscard]] int fd() const { return child_.channel.get(); }
  [[nodiscard]] int pid() const { return child_.pid; }
  [[nodiscard]] bool over() const;
  // Until it is over, at most for `patience` (0: no limit); then it is ended.
  void await(std::chrono::milliseconds patience);
  // Ends it, as one that took longer than `patience`; for the Error of values().
  void end(std::chrono::milliseconds patience);
  // Once it is over: what it set, as JSON, or an Error with its traceback. Once.
  Result<std::string> values();
  // After such an Error: that of a process that ended by itself, else 1.
  [[nodiscard]] int exit_status() const { return exit_status_; }

  // The process, in that position and as the user that we are by now; the caller's to
  // reap. Nothing where it cannot be that: it was run in another interpreter, as
  // another user, or is taken already. Once.
  std::optional<SpawnedChild> take(const std::string& python, const Position& position);

 private:
  explicit FileRun(FileToRun order) : order_{std::move(order)} {}

  FileToRun order_;
  std::optional<Credentials> user_;  // that it was started as, in place of root
  uid_t started_by_ = 0;
  SpawnedChild child_;
  UniqueFd output_;
  UniqueFd errors_;
  std::string overdue_;  // why it was ended
  bool has_values_ = false;
  int exit_status_ = 1;
};

}  // namespace monodon::master
