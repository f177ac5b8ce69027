// SPDX-License-Identifier: Apache-2.0
// All checks of doctor in one table, run over the evidence.
#include "cli/doctor/diagnosis.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text/number.h"
#include "base/text/text.h"
#include "cli/live/status_text.h"

namespace monodon::cli {
namespace {

std::string_view weight_name(Weight weight) {
  return weight == Weight::error     ? "error"
         : weight == Weight::warning ? "warning"
                                     : "note";
}

bool permits(const Account& account, const PathStep& step, mode_t wanted) {
  if (account.uid == 0) return true;
  if (account.uid == step.uid) return (step.mode >> 6 & wanted) == wanted;
  const bool member = std::find(account.groups.begin(), account.groups.end(),
                                step.gid) != account.groups.end();
  return ((member ? step.mode >> 3 : step.mode) & wanted) == wanted;
}

std::string printable(std::string_view text) {
  std::string safe;
  append_printable_lines(safe, text, "    ");
  return safe;
}

// A line for a unit is of use when systemd has read it and the unit has begun again.
std::string with_restart(std::string remedy, const Evidence& e) {
  const bool of_unit = remedy.starts_with("in [");
  if (!e.live || !of_unit || remedy.find("; then") != std::string::npos) return remedy;
  const bool of_socket = remedy.starts_with("in [Socket]");
  return remedy + "; then systemctl daemon-reload && " +
         (of_socket ? restart_command(e) : "systemctl restart " + e.service_name);
}

// The commands of a remedy, for units of a user's own.
std::string of_user_manager(std::string remedy) {
  for (const auto& [from, to] : {std::pair<std::string_view, std::string_view>{
                                     "systemctl ", "systemctl --user "},
                                 {"journalctl -u ", "journalctl --user-unit "}}) {
    for (std::size_t at = 0; (at = remedy.find(from, at)) != std::string::npos;
         at += to.size()) {
      remedy.replace(at, from.size(), to);
    }
  }
  return remedy;
}

}  // namespace

std::vector<const Check*> all_checks() {
  std::vector<const Check*> all;
  for (const auto checks :
       {start_checks(), unit_checks(), socket_checks(), file_checks(), nginx_checks(),
        machine_checks(), application_checks(), control_checks()})
    for (const Check& check : checks) all.push_back(&check);
  return all;
}

std::vector<Diagnosis> diagnose(const Evidence& evidence) {
  std::vector<Diagnosis> found;
  for (const Check* check : all_checks()) {
    auto finding = check->find(evidence);
    if (!finding) continue;
    finding->remedy = with_restart(std::move(finding->remedy), evidence);
    if (evidence.run_by == RunBy::user)
      finding->remedy = of_user_manager(std::move(finding->remedy));
    found.push_back({check, std::move(*finding)});
  }
  const auto rank = [](const Diagnosis& one) {
    const bool cause = one.weight() != Weight::error || one.check->kind == Kind::cause;
    return std::pair{-static_cast<int>(one.weight()), cause ? 0 : 1};
  };
  std::stable_sort(
      found.begin(), found.end(),
      [&](const Diagnosis& a, const Diagnosis& b) { return rank(a) < rank(b); });
  return found;
}

int exit_status(const std::vector<Diagnosis>& found) {
  const auto has = [&](Weight weight) {
    return std::any_of(found.begin(), found.end(),
                       [&](const Diagnosis& one) { return one.weight() == weight; });
  };
  return has(Weight::error) ? 2 : has(Weight::warning) ? 1 : 0;
}

std::string doctor_text(const Evidence& evidence, const std::vector<Diagnosis>& found) {
  std::string text;
  if (exit_status(found) == 0) text = fmt::format("{}: nothing found\n", evidence.site);
  for (const Diagnosis& one : found) {
    text += fmt::format("{}: {} ({}): {}\n    {}\n", evidence.site,
                        weight_name(one.weight()), one.check->id,
                        printable(one.finding.what), printable(one.finding.remedy));
  }
  if (evidence.preload)
    text += fmt::format("{}: {}\n", evidence.site,
                        fmt::join(preload_lines(*evidence.preload), ", "));
  return text;
}

std::string doctor_json(const Evidence& evidence, const std::vector<Diagnosis>& found) {
  nlohmann::json all = nlohmann::json::array();
  for (const Diagnosis& one : found) {
    all.push_back({{"id", one.check->id},
                   {"weight", weight_name(one.weight())},
                   {"what", one.finding.what},
                   {"remedy", one.finding.remedy}});
  }
  nlohmann::json preload;
  if (evidence.preload)
    preload = {{"setting", evidence.preload->setting},
               {"shared", evidence.preload->shared},
               {"left_by_import", evidence.preload->because}};
  const nlohmann::json answer = {{"site", evidence.site},
                                 {"status", exit_status(found)},
                                 {"findings", all},
                                 {"preload", preload}};
  return answer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

bool is_loaded(const Properties& unit) {
  return property(unit, "LoadState") == "loaded";
}

std::string restart_command(const Evidence& e) {
  if (e.run_by == RunBy::hand) return "start the server again";
  if (e.socket_name.empty()) return "systemctl restart " + e.service_name;
  // Alone the socket would be refused: its service runs, and need not require it.
  return fmt::format("systemctl restart {} {}", e.socket_name, e.service_name);
}

std::string place_of_log(const Evidence& e) {
  const std::string file = e.settings ? e.settings->worker.error_log : "-";
  if (file.starts_with('/')) return file;
  if (e.run_by == RunBy::hand) return "stderr of the server";
  return "journalctl -u " + e.service_name;
}

bool keeps_failing(const Properties& service) {
  const std::string state = property(service, "ActiveState");
  if (state == "failed") return true;
  // With Restart= it is "activating" between two tries and during the next one.
  if (property(service, "SubState").starts_with("auto-restart")) return true;
  const std::string restarts = property(service, "NRestarts");
  return state == "activating" && !restarts.empty() && restarts != "0";
}

std::string property(const Properties& of, std::string_view name) {
  const auto found = of.find(name);
  return found == of.end() ? "" : found->second;
}

bool has_word(const std::string& list, std::string_view word) {
  return fmt::format(" {} ", list).find(fmt::format(" {} ", word)) != std::string::npos;
}

std::optional<std::uint64_t> systemd_span(std::string_view text) {
  std::uint64_t total = 0;
  bool any = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    std::string word{text.substr(0, end)};
    text.remove_prefix(std::min(end + 1, text.size()));
    // "1min" is 1m to our reader, "30sec" 30s; microseconds round down to nothing.
    for (const auto& [long_name, letter] :
         {std::pair<std::string_view, std::string_view>{"min", "m"}, {"sec", "s"}}) {
      if (word.ends_with(long_name)) {
        word.replace(word.size() - long_name.size(), long_name.size(), letter);
      }
    }
    const auto part = word.ends_with("us") ? std::optional<std::uint64_t>{0}
                                           : parse_duration_ms(word);
    if (!part) return std::nullopt;
    total += *part;
    any = true;
  }
  return any ? std::optional{total} : std::nullopt;
}

const PathStep* closed_to(const Account& account, const std::vector<PathStep>& steps) {
  for (const PathStep& step : steps) {
    // Of what is no socket at the end, not-a-socket tells.
    if (&step == &steps.back() && !step.is_socket) break;
    // unix(7): to connect takes write permission on the socket, search on directories.
    if (step.exists && !permits(account, step, step.is_socket ? 02 : 01)) return &step;
  }
  return nullptr;
}

}  // namespace monodon::cli
