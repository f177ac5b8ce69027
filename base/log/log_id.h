// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace monodon::log {

// The kinds of messages. journald gets MESSAGE_ID, json "event" with the name; text
// shows neither. docs/messages.md is printed from the same rows.
enum class Id : std::uint8_t {
  server_started,
  server_listening,
  server_stopping,
  server_stopped,
  server_failed,
  configuration_note,
  configuration_warning,
  configuration_error,
  workers_changed,
  logs_reopened,
  log_failed,
  log_restored,
  spool_chosen,
  reload_begun,
  generation_proposed,
  application_loaded,
  application_failed,
  application_warning,
  application_incomplete,
  application_forked,
  application_unshared,
  application_stale,
  zygote_failed,
  worker_ready,
  worker_not_forked,
  worker_load_failed,
  worker_retiring,
  worker_ended,
  worker_died,
  worker_out_of_memory,
  worker_silent,
  worker_stuck,
  worker_overdue,
  worker_undead,
  master_gone,
  request_slow,
  request_deadline,
  request_cut,
  request_refused,
  application_error,
  response_invalid,
  resources_short,
  stacks_missing,
  handoff_lost,
  descriptors_refused,
  descriptors_in_flight,
  generation_rolling,
  generation_committed,
  generation_refused,
  generation_rolled_back,
  upgrade_begun,
  upgrade_failed,
  upgrade_done,
  exporter_failed,
  exporter_limited,
  watcher_failed,
  bug,
};

struct IdRow {
  Id id;
  std::string_view name;
  std::string_view message_id;  // 128 bits in hexadecimal; never changes its meaning
  std::string_view cause;
  std::string_view remedy;
};

// In the order of the enum.
[[nodiscard]] std::span<const IdRow> ids() noexcept;
[[nodiscard]] const IdRow& row_of(Id id) noexcept;

}  // namespace monodon::log
