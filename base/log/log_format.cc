// SPDX-License-Identifier: Apache-2.0
// One line of the error log as text, JSON, or fields for journald.
#include "base/log/log_format.h"

#include <syslog.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/log/journal.h"
#include "base/log/log_id.h"
#include "base/log/log_zone.h"
#include "base/text/colour.h"
#include "base/text/escape.h"
#include "base/text/text.h"

namespace monodon::log {
namespace {

constexpr std::string_view kIndent = "    ";

struct Name {
  std::string_view lower;
  std::string_view upper;
  int priority;
};
constexpr std::array<Name, 5> kNames{{{"debug", "DEBUG", LOG_DEBUG},
                                      {"info", "INFO", LOG_INFO},
                                      {"warning", "WARNING", LOG_WARNING},
                                      {"error", "ERROR", LOG_ERR},
                                      {"critical", "CRITICAL", LOG_CRIT}}};

const Name& name_of(Level level) noexcept {
  return kNames.at(static_cast<std::size_t>(level));
}

// "2026-11-23 21:26:47 +0000", local time. The last second is remembered by thread:
// local_parts takes a lock.
std::string_view local_time(std::time_t seconds) {
  thread_local std::time_t last = -1;
  thread_local std::array<char, 32> text{};
  thread_local std::size_t size = 0;
  if (seconds != last) {
    const std::tm parts = local_parts(seconds);
    size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S %z", &parts);
    last = seconds;
  }
  return {text.data(), size};
}

// "2026-11-23T21:26:47.123Z"
std::string utc_time(const timespec& time) {
  std::tm parts{};
  ::gmtime_r(&time.tv_sec, &parts);
  std::array<char, 32> text{};
  const std::size_t size =
      std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  const std::string millis = std::to_string(1000 + time.tv_nsec / 1'000'000);
  return std::string{text.data(), size} + '.' + millis.substr(1) + 'Z';
}

bool multi_line(std::string_view text) noexcept {
  return text.find('\n') != std::string_view::npos;
}

bool needs_quotes(std::string_view value) noexcept {
  if (value.empty()) return true;
  for (const char c : value)
    if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c == 0x7f) return true;
  return false;
}

void append_value(std::string& to, std::string_view value) {
  if (!needs_quotes(value)) {
    append_printable(to, value);
    return;
  }
  // Quotes and backslashes by hand, because valid UTF-8 may stay.
  to += '"';
  std::size_t from = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '"' && value[i] != '\\') continue;
    append_printable(to, value.substr(from, i - from));
    to += '\\';
    to += value[i];
    from = i + 1;
  }
  append_printable(to, value.substr(from));
  to += '"';
}

void append_fields(std::string& to, std::span<const Field> fields) {
  for (const Field& field : fields) {
    if (multi_line(field.value) || !field.in_text) continue;
    to += ' ';
    append_escaped(to, field.key);
    to += '=';
    append_value(to, field.value);
  }
}

void append_blocks(std::string& to, std::span<const Field> fields) {
  for (const Field& field : fields) {
    if (!multi_line(field.value) || !field.in_text) continue;
    to += '\n';
    to += kIndent;
    append_escaped(to, field.key);
    to += ": ";
    append_printable_lines(to, field.value, kIndent);
  }
}

void append_json_fields(std::string& to, std::span<const Field> fields) {
  for (const Field& field : fields) {
    to += ',';
    append_json(to, field.key);
    to += ':';
    if (field.number) {
      to += field.value;
    } else {
      append_json(to, field.value);
    }
  }
}

}  // namespace

std::string_view level_name(Level level) noexcept {
  return name_of(level).lower;
}

void append_text(std::string& to, const Entry& entry) {
  to += '[';
  to += local_time(entry.time.tv_sec);
  to += "] [";
  to += std::to_string(entry.pid);
  to += "] [";
  to += name_of(entry.level).upper;
  to += "] ";
  // A message of several lines carries its fields on the first one.
  const std::string_view message = without_final_newlines(entry.message);
  const std::size_t end = message.find('\n');
  append_printable(to, message.substr(0, end));
  append_fields(to, entry.fields);
  append_fields(to, entry.context);
  if (end != std::string_view::npos) {
    to += '\n';
    to += kIndent;
    append_printable_lines(to, message.substr(end + 1), kIndent);
  }
  append_blocks(to, entry.fields);
  append_blocks(to, entry.context);
  to += '\n';
}

// The routine of starts and reloads: who waits for one wants to know how it ended.
bool goes_without_saying(const Entry& entry) {
  if (entry.level > Level::info) return false;
  constexpr std::array kRoutine{
      Id::server_started,     Id::spool_chosen,       Id::generation_proposed,
      Id::application_loaded, Id::generation_rolling, Id::worker_ready,
      Id::worker_retiring,    Id::worker_ended,       Id::application_unshared,
      Id::configuration_note, Id::server_stopping};
  return std::ranges::any_of(entry.fields, [&](const Field& field) {
    return !field.message_id.empty() && std::ranges::any_of(kRoutine, [&](Id id) {
      return row_of(id).message_id == field.message_id;
    });
  });
}

void append_for_terminal(std::string& to, const Entry& entry, bool coloured) {
  if (goes_without_saying(entry)) return;
  const auto paint = [&](std::string_view code) {
    if (coloured) to += code;
  };
  const std::tm parts = local_parts(entry.time.tv_sec);
  std::array<char, 16> time{};
  paint(colour::kDim);
  to.append(time.data(), std::strftime(time.data(), time.size(), "%H:%M:%S ", &parts));
  paint(colour::kPlain);
  if (entry.level >= Level::warning) {
    paint(entry.level == Level::warning ? colour::kYellow : colour::kRed);
    to += name_of(entry.level).lower;
    paint(colour::kPlain);
    to += ": ";
  }
  append_printable_lines(to, without_final_newlines(entry.message), "");
  append_fields(to, entry.fields);
  append_blocks(to, entry.fields);
  to += '\n';
}

void append_json_line(std::string& to, const Entry& entry) {
  to += "{\"time\":\"";
  to += utc_time(entry.time);
  to += "\",\"level\":\"";
  to += level_name(entry.level);
  to += "\",\"pid\":";
  to += std::to_string(entry.pid);
  if (entry.from_application) to += ",\"source\":\"application\"";
  to += ",\"message\":";
  append_json(to, without_final_newlines(entry.message));
  append_json_fields(to, entry.fields);
  append_json_fields(to, entry.context);
  to += "}\n";
}

// What journalctl shows is this field alone, so it has what the other formats show.
std::string journal_message(const Entry& entry) {
  const std::string_view message = without_final_newlines(entry.message);
  const std::size_t end = std::min(message.find('\n'), message.size());
  std::string text{message.substr(0, end)};
  append_fields(text, entry.fields);
  text += message.substr(end);
  append_blocks(text, entry.fields);
  return text;
}

void append_journal(std::string& to, const Entry& entry) {
  Journal::append_field(to, "MESSAGE", journal_message(entry));
  Journal::append_field(to, "PRIORITY", std::to_string(name_of(entry.level).priority));
  Journal::append_field(to, "SYSLOG_IDENTIFIER", "monodon");
  if (entry.from_application) Journal::append_field(to, "SOURCE", "application");
  for (const Field& field : entry.fields) {
    if (!field.message_id.empty())
      Journal::append_field(to, "MESSAGE_ID", field.message_id);
    Journal::append_field(to, field.key, field.value);
  }
  for (const Field& field : entry.context)
    Journal::append_field(to, field.key, field.value);
}

}  // namespace monodon::log
