// SPDX-License-Identifier: Apache-2.0
// monodon check: reads the configuration, then has the application imported.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/files/file_rights.h"
#include "base/files/install_paths.h"
#include "base/machine/system_calls.h"
#include "base/process/run_program.h"
#include "base/process/spawn_with_channel.h"
#include "base/result.h"
#include "base/text/say.h"
#include "base/unique_fd.h"
#include "cli/line/commands.h"
#include "cli/live/commands.h"
#include "cli/live/control_client.h"
#include "cli/live/control_finder.h"
#include "master/config/docs.h"
#include "master/config/file_run.h"
#include "master/config/gunicorn_boot.h"
#include "master/config/interpreter.h"
#include "master/config/spool_choice.h"
#include "worker/wire/boot.h"
#include "worker/wire/wire.h"

namespace monodon::cli {
namespace {

constexpr int kSignals = 128;  // of a status: beyond it, what ended the process

// The program that loads the application, and its arguments.
Result<std::vector<std::string>> importer(const master::Settings& settings,
                                          const std::string& mode) {
  if (settings.worker.application.starts_with("native:")) {
    auto host = master::find_in_libdir("monodon-native");
    if (!host) return host.error();
    say(fmt::format("loading {}", settings.worker.application));
    return std::vector<std::string>{host.value(), mode};
  }
  auto python = master::find_interpreter(settings.python, settings.worker.directory);
  if (!python) return python.error();
  auto zygote = master::find_in_libdir("zygote.py");
  if (!zygote) return zygote.error();
  say(fmt::format("importing {} with {} (found by {})", settings.worker.application,
                  python.value().path, python.value().how));
  return std::vector<std::string>{master::release_of(python.value().path),
                                  zygote.value(), mode};
}

// What workers of the running server of this site have imported late, as its next
// zygote would import it: none where no such server answers us.
std::vector<std::string> learned_imports(const master::LoadedConfig& config) {
  constexpr std::chrono::seconds kPatience{2};
  const worker::Settings& settings = config.settings.worker;
  std::vector<std::string> lines;
  if (settings.learned_imports == "off") return lines;
  ControlOptions options;
  if (const std::string& directory = config.settings.runtime_directory;
      !directory.empty())
    options.control = directory + "/control.sock";
  const auto socket = find_control_socket(options);
  if (!socket) return lines;
  const auto answer = ask(socket.value(), R"({"op":"learned"})", kPatience);
  if (!answer) return lines;
  const auto told = nlohmann::json::parse(answer.value().line, nullptr, false);
  if (!told.is_object() || !told.contains("learned") ||
      told.value("application", nlohmann::json{}) != settings.application ||
      told.value("directory", nlohmann::json{}) != settings.directory)
    return lines;
  for (const nlohmann::json& line : told["learned"])
    if (line.is_string()) lines.push_back(line.get<std::string>());
  return lines;
}

Outcome boot_on_stdin(const master::LoadedConfig& config) {
  worker::Boot boot;
  boot.settings = config.settings.worker;
  boot.settings.workers = config.settings.workers;
  master::boot_like_gunicorn(config, boot);
  boot.learned = learned_imports(config);
  if (!boot.learned.empty())
    say(fmt::format("with {} that workers of the running server have imported late",
                    boot.learned.size() == 1
                        ? "one module"
                        : fmt::format("{} modules", boot.learned.size())));
  const std::string json = worker::to_json(boot);
  const UniqueFd file{::memfd_create("boot", MFD_CLOEXEC)};
  if (!file) return last_error("make the boot message");
  if (::write(file.get(), json.data(), json.size()) !=
          static_cast<ssize_t>(json.size()) ||
      ::lseek(file.get(), 0, SEEK_SET) != 0) {
    return last_error("write the boot message");
  }
  // dup2 takes CLOEXEC off: the importer shall inherit it.
  if (::dup2(file.get(), STDIN_FILENO) < 0) return last_error("pass the boot message");
  return ok();
}

// The application is imported by the user that will serve it; root, without such a
// setting, leaves it to whoever owns the directory. std::nullopt: as who we are.
Result<std::optional<Credentials>> importing_user(const master::Settings& settings) {
  std::optional<Credentials> user;
  if (::geteuid() != 0) return user;
  std::string name = settings.user;
  const auto foreign = foreign_content(settings.worker.directory);
  if (name.empty() && foreign && foreign->uid) name = std::to_string(*foreign->uid);
  if (name.empty()) return user;
  auto found = find_credentials(name, settings.group);
  if (!found) return found.error();
  if (found.value().uid != 0) user = std::move(found).value();
  return user;
}

// False: the directory that is set cannot be used by the server.
bool check_spool(const master::Settings& settings) {
  const auto user = importing_user(settings);
  if (!user) return true;  // told with the import
  const ActingAs acting = user.value() ? ActingAs{*user.value()} : ActingAs{};
  const master::SpoolChoice choice = master::choose_spool(settings.worker);
  const char* const weight = !choice.as_asked     ? ""
                             : choice.why.empty() ? "note: "
                                                  : "warning: ";
  say(weight + choice.told());
  return choice.as_asked;
}

// Its exit status (0, 3, 4) is ours, and its traceback goes where our own messages
// went. The process that has run a gunicorn.conf.py is the importer, or another one.
Result<int> import_application(const master::LoadedConfig& config,
                               const CheckOptions& options) {
  const master::Settings& settings = config.settings;
  const auto user = importing_user(settings);
  if (!user) return user.error();
  if (user.value()) say("as user " + name_of_user(user.value()->uid));
  // Until exec makes it final.
  const ActingAs acting =
      user.value() ? ActingAs{*user.value(), ActingAs::Ids::all} : ActingAs{};
  auto command = importer(settings, options.one_status ? "--check-config" : "--check");
  if (!command) return command.error();
  if (options.call_hooks) command.value().emplace_back("--hooks");
  if (const Outcome passed = boot_on_stdin(config); !passed) return passed.error();
  std::fflush(nullptr);
  if (config.file_run) {
    const std::vector<std::string> modes{command.value().begin() + 2,
                                         command.value().end()};
    const auto child =
        config.file_run->take(command.value()[0], {modes, {0, 1, 2}, {0, 1, 2}});
    if (child) return exit_status_of(*child);
  }
  const auto child = spawn_with_channel(command.value(), environment_of_children(), {});
  if (!child) return child.error();
  return exit_status_of(child.value());
}

}  // namespace

int report_problems(const master::ConfigResult& result) {
  for (const std::string& problem : result.problems) say(problem);
  return kBadConfiguration;
}

int run_check(const master::CommandLine& line, const CheckOptions& options) {
  const master::ConfigResult result = master::load_config(line);
  if (!result.config) return report_problems(result);
  const master::LoadedConfig& config = *result.config;
  for (const std::string& warning : config.warnings) say("warning: " + warning);
  for (const std::string& note : config.notes) say("note: " + note);
  if (!check_spool(config.settings)) return kBadConfiguration;
  if (options.print) {
    std::fputs(master::settings_as_yaml(config.settings).c_str(), stdout);
  }
  if (!options.import_application) {
    say("the configuration is good");
    return kGood;
  }
  const auto status = import_application(config, options);
  if (status && status.value() > kSignals) {
    say(fmt::format("not good: the application has ended the process, killed by SIG{}",
                    signal_abbreviation(status.value() - kSignals)));
    return options.one_status ? 1 : static_cast<int>(wire::LoadFailure::import_error);
  }
  if (status) return status.value();
  say(status.error().message());
  return kBadConfiguration;
}

}  // namespace monodon::cli
