// SPDX-License-Identifier: Apache-2.0
// The error log of this process: which lines are written, and where to.
#include "base/log/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <mutex>
#include <optional>
#include <system_error>
#include <vector>

#include "base/log/journal.h"
#include "base/log/log_file.h"
#include "base/log/log_format.h"
#include "base/log/log_sight.h"
#include "base/net/statsd.h"
#include "base/text/colour.h"

namespace monodon::log {
namespace {

enum class Format : std::uint8_t { text, terminal, json, journald };

struct State {
  std::mutex mutex;
  bool opened = false;
  bool on_stderr = true;
  Format format = Format::text;
  LogFile file;
  LogFile emergency;  // stderr, while `file` cannot be written
  UniqueFd
      true_stderr;  // where 2 led before take_output(); empty: it leads there still
  bool takes_stderr = false;
  bool takes_stdout = false;
  Journal journal;
  Syslog syslog;
  std::vector<Field> context;
  std::vector<std::string> context_keys;  // what the keys of `context` point into
  std::string line;                       // kept for its memory
  pid_t forking = 0;                      // the process that called before_fork
  std::atomic<Level> level{Level::info};
};

// Never destroyed: threads and destructors may log until the process is gone.
State& state() {
  static State& the_state = *new State;
  return the_state;
}

std::optional<Level> level_from(std::string_view name) {
  for (const Level level :
       {Level::debug, Level::info, Level::warning, Level::error, Level::critical})
    if (name == level_name(level)) return level;
  return std::nullopt;
}

std::string missing_json(std::uint64_t missing) {
  return "{\"level\":\"warning\",\"message\":\"log lines are missing "
         "here\",\"missing\":" +
         std::to_string(missing) + "}\n";
}

Result<Format> format_from(const Options& options) {
  if (options.format == "text") return Format::text;
  if (options.format == "json") return Format::json;
  if (options.format == "terminal") return Format::terminal;
  if (options.format == "journald") return Format::journald;
  if (options.format != "auto") return Error{"no log format '" + options.format + "'"};
  const bool journal = options.path == "-" && is_journal_stream(STDERR_FILENO);
  return journal ? Format::journald : Format::text;
}

// With the lock held.
void ensure_open(State& s) {
  if (s.opened) return;
  s.opened = true;
  // No stderr at all (a closed descriptor 2): then there is nobody to tell.
  if (auto file = LogFile::open("-", STDERR_FILENO)) s.file = std::move(file).value();
}

// With the lock held, after a line went to the file. What an operator must know reaches
// stderr while the file takes nothing; the file itself tells later what is missing.
void mind_loss(State& s, const Entry& entry) {
  // A reader that is slow (a fifo) gets what there is room for, and is no emergency.
  if (s.file.losing() == 0 || s.file.losing() == EAGAIN) {
    if (s.emergency.enabled()) s.emergency = {};
    return;
  }
  if (s.file.path() == "-") return;
  std::string text;
  if (!s.emergency.enabled()) {
    auto opened =
        LogFile::open("-", s.true_stderr ? s.true_stderr.get() : STDERR_FILENO);
    if (!opened) return;
    s.emergency = std::move(opened).value();
    const std::string why = "the error log " + s.file.path() + " cannot be written: " +
                            std::generic_category().message(s.file.losing()) +
                            "; until then errors are told here";
    const std::array<Field, 1> fields{Field{Id::log_failed}};
    append_text(
        text, {Level::critical, entry.time, entry.pid, why, fields, s.context, false});
  }
  if (entry.level >= Level::error || entry.from_application) append_text(text, entry);
  if (!text.empty()) s.emergency.write(text);
}

Syslog::Severity severity_of(Level level) {
  using Severity = Syslog::Severity;
  switch (level) {
    case Level::debug:
      return Severity::debug;
    case Level::info:
      return Severity::info;
    case Level::warning:
      return Severity::warning;
    case Level::error:
      return Severity::error;
    case Level::critical:
      break;
  }
  return Severity::critical;
}

// With the lock held: the words of the line, as syslog has time, pid and level itself.
void tell_syslog(State& s, const Entry& entry) {
  s.line.clear();
  append_text(s.line, entry);
  std::string_view words = s.line;
  for (int i = 0; i < 3; ++i)
    words.remove_prefix(std::min(words.find("] ") + 2, words.size()));
  while (words.ends_with('\n')) words.remove_suffix(1);
  s.syslog.send(severity_of(entry.level), words);
}

// With the lock held.
void redirect(State& s) {
  if (s.takes_stderr) (void)::dup2(s.file.fd(), STDERR_FILENO);
  if (s.takes_stdout) (void)::dup2(s.file.fd(), STDOUT_FILENO);
}

// With the lock held.
void emit(State& s, const Entry& entry) {
  ensure_open(s);
  if (s.syslog.enabled()) tell_syslog(s, entry);
  s.line.clear();
  switch (s.format) {
    case Format::text:
      append_text(s.line, entry);
      break;
    case Format::terminal:
      append_for_terminal(s.line, entry, s.on_stderr && wants_colour(STDERR_FILENO));
      break;
    case Format::json:
      append_json_line(s.line, entry);
      break;
    case Format::journald:
      append_journal(s.line, entry);
      break;
  }
  if (s.line.empty()) return;  // not for a terminal
  if (s.format == Format::journald) {
    s.journal.send(s.line);
  } else {
    s.file.write(s.line);
    mind_loss(s, entry);
  }
}

timespec now() noexcept {
  timespec time{};
  (void)::clock_gettime(CLOCK_REALTIME, &time);
  return time;
}

void before_fork() noexcept {
  State& s = state();
  s.mutex.lock();
  s.file.flush();
  s.emergency.flush();
  s.forking = ::getpid();
}

void after_fork() noexcept {
  State& s = state();
  if (::getpid() != s.forking) {
    s.file.forget();
    s.emergency.forget();
    s.journal.forget();
  }
  s.mutex.unlock();
}

}  // namespace

Outcome open(const Options& options) {
  const auto level = level_from(options.level);
  if (!level) return Error{"no log level '" + options.level + "'"};
  auto format = format_from(options);
  if (!format) return format.error();
  LogFile file;
  Journal journal;
  if (format.value() == Format::journald) {
    auto opened = Journal::open(options.journal_socket);
    if (!opened) return opened.error();
    journal = std::move(opened).value();
  } else {
    auto opened = LogFile::open(options.path, STDERR_FILENO);
    if (!opened) return opened.error();
    file = std::move(opened).value();
    if (format.value() == Format::json) file.set_notice(missing_json);
  }
  Syslog syslog;
  if (!options.syslog.address.empty()) {
    auto opened = Syslog::open(options.syslog);
    if (!opened) return opened.error();
    syslog = std::move(opened).value();
  }
  State& s = state();
  const std::lock_guard lock{s.mutex};
  s.file.flush();
  s.opened = true;
  s.on_stderr = options.path == "-";
  s.format = format.value();
  s.file = std::move(file);
  s.journal = std::move(journal);
  s.syslog = std::move(syslog);
  s.level.store(*level, std::memory_order_relaxed);
  return ok();
}

Outcome reopen() {
  State& s = state();
  const std::lock_guard lock{s.mutex};
  auto opened = s.file.reopen();
  if (opened) redirect(s);
  return opened;
}

bool take_output(bool stdout_too) {
  State& s = state();
  const std::lock_guard lock{s.mutex};
  struct stat about {};
  // A pipe or terminal is opened so that it never blocks: nothing for a print().
  if (s.format == Format::journald || s.on_stderr || s.file.fd() < 0 ||
      ::fstat(s.file.fd(), &about) != 0 || !S_ISREG(about.st_mode))
    return false;
  s.true_stderr.reset(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  s.takes_stderr = true;
  s.takes_stdout = stdout_too;
  redirect(s);
  return true;
}

bool is_seen_on_stderr() {
  State& s = state();
  const std::lock_guard lock{s.mutex};
  return !s.opened || s.format == Format::journald || s.on_stderr;
}

void set_context(std::initializer_list<Field> fields) {
  State& s = state();
  const std::lock_guard lock{s.mutex};
  s.context.clear();
  s.context_keys.clear();
  s.context_keys.reserve(fields.size());  // the keys must not move
  for (const Field& field : fields) {
    s.context.push_back(field);
    s.context.back().key = s.context_keys.emplace_back(field.key);
  }
}

bool enabled(Level level) noexcept {
  return level >= state().level.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view message, std::initializer_list<Field> fields) {
  if (level >= Level::warning) statsd::count_line(level_name(level));
  if (!enabled(level)) return;
  State& s = state();
  const std::lock_guard lock{s.mutex};
  emit(s, {level,
           now(),
           ::getpid(),
           message,
           {fields.begin(), fields.size()},
           s.context,
           false});
}

void raw(std::string_view text) {
  State& s = state();
  const std::lock_guard lock{s.mutex};
  ensure_open(s);
  if (s.format == Format::text || s.format == Format::terminal) {
    s.file.write(text);
    mind_loss(s, {Level::info, now(), ::getpid(), text, {}, {}, true});
  } else if (text.find_first_not_of('\n') != std::string_view::npos) {
    emit(s, {Level::info, now(), ::getpid(), text, {}, s.context, true});
  }
}

std::uint64_t dropped() noexcept {
  State& s = state();
  const std::lock_guard lock{s.mutex};
  return s.file.dropped() + s.journal.dropped();
}

void survive_forks() noexcept {
  static const int registered = ::pthread_atfork(before_fork, after_fork, after_fork);
  (void)registered;  // fails for want of memory only
}

}  // namespace monodon::log
