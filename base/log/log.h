// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/log/log_id.h"
#include "base/log/syslog.h"
#include "base/result.h"

namespace monodon::log {

// The error log: what the server says to its operator, in any process and thread.
//
// Formats: text, "[2026-11-23 21:26:47 +0000] [PID] [INFO] message key=value ...";
// json, one object a line; journald, native fields over /run/systemd/journal/socket
// (chosen by "auto" when stderr is the journal, JOURNAL_STREAM). A message never
// holds a raw control byte or newline: they are escaped; multi-line text (a
// traceback) becomes one entry in json and journald, and indented lines in text.
// Never blocks (base/log/log_file.h).

enum class Level : std::uint8_t { debug, info, warning, error, critical };

struct Options {
  std::string path = "-";       // "-": stderr
  std::string format = "auto";  // auto | text | json | journald
  std::string level = "info";   // debug | info | warning | error | critical
  Syslog::Options syslog;       // beside that; no address: none
  std::string journal_socket = "/run/systemd/journal/socket";  // other only in tests
};

struct Field {
  std::string_view key;  // lower_case; journald gets it in upper case
  std::string value;
  bool number = false;          // json: without quotes
  bool in_text = true;          // false: for programs; the text format leaves it out
  std::string_view message_id;  // journald gets it as MESSAGE_ID
  // What kind of message it is: log::info("...", {log::Id::worker_ready}).
  Field(Id id)
      : key{"event"},
        value{row_of(id).name},
        in_text{false},
        message_id{row_of(id).message_id} {}
  Field(std::string_view k, std::string v) : key{k}, value{std::move(v)} {}
  Field(std::string_view k, std::string_view v) : key{k}, value{v} {}
  Field(std::string_view k, const char* v) : key{k}, value{v} {}
  Field(std::string_view k, std::int64_t v)
      : key{k}, value{std::to_string(v)}, number{true} {}
  Field(std::string_view k, std::uint64_t v)
      : key{k}, value{std::to_string(v)}, number{true} {}
  Field(std::string_view k, int v) : key{k}, value{std::to_string(v)}, number{true} {}
  Field(std::string_view k, unsigned v)
      : key{k}, value{std::to_string(v)}, number{true} {}
};

// For what the message says in words already.
[[nodiscard]] inline Field beside(Field field) {
  field.in_text = false;
  return field;
}

// Until called, lines go to stderr as text at level info. An Error (no such format or
// level, a file that cannot be opened) leaves everything as it was.
Outcome open(const Options& options);
Outcome reopen();

// Fields that every line of this process carries (slot, generation). After fork.
void set_context(std::initializer_list<Field> fields);

[[nodiscard]] bool enabled(Level level) noexcept;
void write(Level level, std::string_view message,
           std::initializer_list<Field> fields = {});

inline void debug(std::string_view m, std::initializer_list<Field> f = {}) {
  if (enabled(Level::debug)) write(Level::debug, m, f);
}
inline void info(std::string_view m, std::initializer_list<Field> f = {}) {
  write(Level::info, m, f);
}
inline void warning(std::string_view m, std::initializer_list<Field> f = {}) {
  write(Level::warning, m, f);
}
inline void error(std::string_view m, std::initializer_list<Field> f = {}) {
  write(Level::error, m, f);
}
inline void critical(std::string_view m, std::initializer_list<Field> f = {}) {
  write(Level::critical, m, f);
}

// Raw text of the application (wsgi.errors, captured stderr): as it is, but never
// blocking; not prefixed in text format. One call is one entry in json and journald.
void raw(std::string_view text);

[[nodiscard]] std::uint64_t dropped() noexcept;

// From now on a child of fork(3) neither inherits a held lock nor writes once more what
// its parent keeps (pthread_atfork). It counts from 0. Of use to whoever has threads,
// or logs in a child.
void survive_forks() noexcept;

}  // namespace monodon::log
