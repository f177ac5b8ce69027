// SPDX-License-Identifier: Apache-2.0
// A unit of Gunicorn's, changed line by line so that it runs us.
#include "cli/site/import_unit.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text/number.h"

namespace monodon::cli {
namespace {

constexpr std::string_view kService = "Service";

// Notes what it changes.
class Rewriter {
 public:
  explicit Rewriter(UnitFile& unit) : unit_{unit} {}

  void set(std::string_view key, const std::string& value, std::string_view why,
           std::string_view section = kService) {
    const std::string before = unit_.value(section, key);
    if (!unit_.set(section, key, value)) return;
    changes_.push_back(
        before.empty() ? fmt::format("{}={}: {}", key, value, why)
                       : fmt::format("{}={} (was {}): {}", key, value, before, why));
  }

  void remove(std::string_view key, std::string_view why) {
    const std::string before = unit_.value(kService, key);
    if (!unit_.remove(kService, key)) return;
    changes_.push_back(fmt::format("{}={} is gone: {}", key, before, why));
  }

  std::vector<std::string> take() { return std::move(changes_); }

 private:
  UnitFile& unit_;
  std::vector<std::string> changes_;
};

bool is_below_run(const std::string& bind, const std::string& directory) {
  return bind.starts_with("unix:/run/" + directory + "/");
}

// Seconds of TimeoutStopSec=; 0 where it is not a plain number of seconds or minutes.
std::uint64_t seconds(std::string text) {
  for (const char* unit : {"sec", "min"}) {
    if (text.ends_with(unit)) text.erase(text.size() - 2);
  }
  return parse_duration_ms(text).value_or(0) / 1000;
}

}  // namespace

std::vector<std::string> rewrite_unit(UnitFile& unit, const std::string& name,
                                      const Imported& imported) {
  Rewriter change{unit};
  const std::string file = fmt::format("/etc/monodon/{}.yaml", name);
  change.set("Type", "notify", "systemd hears when a worker serves");
  change.set("NotifyAccess", "main", "the master speaks, nobody else");
  std::string start = "/usr/bin/monodon serve --config " + file;
  for (auto word = imported.wrapper.rbegin(); word != imported.wrapper.rend(); ++word) {
    start.insert(0, *word + " ");
  }
  change.set("ExecStart", start, "the settings are in that file");
  change.set("ExecReload", "/usr/bin/monodon reload",
             "waits, and fails with the reason when new code is refused");
  change.set("KillMode", "process",
             "signals for the master alone, which ends the workers");
  const std::uint64_t least = imported.graceful_timeout / 1000 + 10;
  const std::string timeout = unit.value(kService, "TimeoutStopSec");
  if (timeout != "infinity" && seconds(timeout) < least) {
    change.set("TimeoutStopSec", std::to_string(least),
               "longer than graceful_timeout, or requests are cut");
  }
  change.set("OOMPolicy", "continue", "a worker out of memory is replaced");
  change.set(
      "StartLimitIntervalSec", "0",
      "a start that fails while requests wait must not close the socket for good",
      "Unit");
  // Without, its socket starts it again at once, 20 times in 2 s, and is then closed.
  if (const std::string restart = unit.value(kService, "Restart");
      restart.empty() || restart == "no") {
    change.set("Restart", "always", "nor must one that fails at once");
    change.set("RestartSec", "1s", "a pause before the next try");
  }
  if (!imported.variables.empty()) {
    std::vector<std::string> all = unit.words(kService, "UnsetEnvironment");
    for (const std::string& variable : imported.variables)
      if (std::find(all.begin(), all.end(), variable) == all.end())
        all.push_back(variable);
    const std::string names = fmt::format("{}", fmt::join(all, " "));
    change.set("UnsetEnvironment", names, "would win over the settings in that file");
  }
  change.remove("PIDFile", "systemd knows the process");
  change.remove("ExecStop", "SIGTERM, systemd's own, stops gracefully");

  // The stone that sites trip over: the service takes its directory away when it stops,
  // and the socket with it.
  const std::vector<std::string> own = unit.words(kService, "RuntimeDirectory");
  const bool holds_socket =
      std::any_of(own.begin(), own.end(), [&](const std::string& directory) {
        return std::any_of(
            imported.bind.begin(), imported.bind.end(),
            [&](const std::string& bind) { return is_below_run(bind, directory); });
      });
  const std::vector<std::string> needs = unit.words("Unit", "Requires");
  const bool activated =
      std::any_of(needs.begin(), needs.end(),
                  [](const std::string& word) { return word.ends_with(".socket"); });
  if (own.empty() || (holds_socket && activated)) {
    change.set("RuntimeDirectory", "monodon-" + name,
               "for the control socket; the directory of the site's socket belongs to "
               "the socket unit alone");
  }
  return change.take();
}

}  // namespace monodon::cli
