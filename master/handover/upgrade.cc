// SPDX-License-Identifier: Apache-2.0
// Asks the program on disk whether it can take over, and becomes it.
#include "master/handover/upgrade.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <utility>

#include "base/process/run_program.h"
#include "base/version.h"
#include "master/handover/fd_store.h"

namespace monodon::master {

namespace {

using namespace std::chrono_literals;

constexpr auto kUpgradePatience = 5s;
constexpr std::size_t kMostSaid = 8192;
constexpr std::string_view kYes = "monodon: ready to take over\n";

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> all;
  for (const std::string& s : strings) all.push_back(const_cast<char*>(s.c_str()));
  all.push_back(nullptr);
  return all;
}

void inherit(const std::vector<int>& fds, bool yes) {
  for (const int fd : fds)
    if (fd >= 0) (void)::fcntl(fd, F_SETFD, yes ? 0 : FD_CLOEXEC);
}

Result<UniqueFd> written_down(const Testament& testament) {
  const std::string text = to_json(testament);
  UniqueFd fd{::memfd_create("monodon-testament", MFD_CLOEXEC)};
  if (!fd) return last_error("write down the state");
  std::string_view left = text;
  while (!left.empty()) {
    const ssize_t put = ::write(fd.get(), left.data(), left.size());
    if (put <= 0) return last_error("write down the state");
    left.remove_prefix(static_cast<std::size_t>(put));
  }
  return fd;
}

std::vector<std::string> environment_with(const std::string& assignment) {
  std::vector<std::string> all;
  const std::string key = assignment.substr(0, assignment.find('=') + 1);
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (std::string_view{*entry}.substr(0, key.size()) != key) all.emplace_back(*entry);
  all.push_back(assignment);
  return all;
}

}  // namespace

Result<std::string> program_to_run(const std::vector<std::string>& argv) {
  if (!argv.empty() && argv[0].starts_with('/')) return argv[0];
  std::array<char, 4096> path{};
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  if (size <= 0) return last_error("find the program to run");
  std::string program{path.data(), static_cast<std::size_t>(size)};
  // What was replaced is shown so; the new one is under the old name.
  constexpr std::string_view kGone = " (deleted)";
  if (program.ends_with(kGone)) program.resize(program.size() - kGone.size());
  return program;
}

void return_to(const std::string& start_directory) {
  std::error_code removed;
  (void)std::filesystem::current_path(removed);
  // Where it is not there, the program that is asked says so.
  if (removed) (void)!::chdir(start_directory.c_str());
}

Outcome ask_program(const std::string& program, std::vector<std::string> argv) {
  if (argv.empty()) argv.emplace_back();
  argv[0] = program;
  const std::string question = "?" + state_version();
  if (::setenv(kUpgradeVariable, question.c_str(), 1) != 0)
    return last_error("ask " + program);
  const auto finished = run_program(argv, kUpgradePatience);
  (void)::unsetenv(kUpgradeVariable);
  if (!finished) return finished.error();
  const Finished& said = finished.value();
  if (said.status == 0 && said.output == kYes) return ok();
  std::string text = said.output + said.errors;
  while (text.ends_with('\n')) text.pop_back();
  return Error{fmt::format("{} cannot take over (status {}){}{}", program, said.status,
                           text.empty() ? "" : ": ", text.substr(0, kMostSaid))};
}

std::optional<int> answer_question() {
  const char* variable = std::getenv(kUpgradeVariable);
  if (variable == nullptr || *variable != '?') return std::nullopt;
  const std::string_view theirs{variable + 1};
  const std::string ours = state_version();
  const bool yes = theirs == ours;
  const std::string answer =
      yes ? std::string{kYes}
          : fmt::format("monodon {}: has state version {}, the running one has {}\n",
                        MONODON_VERSION, ours, theirs);
  (void)!::write(STDOUT_FILENO, answer.data(), answer.size());
  return yes ? 0 : 1;
}

Error become_program(const std::string& program, const std::vector<std::string>& argv,
                     const Testament& testament, const Estate& estate,
                     std::vector<Passed> passed) {
  auto will = written_down(testament);
  if (!will) return will.error();
  passed.push_back({will.value().get(), kTestament});
  passed.push_back({estate.handoff_send, kHandoffSend});
  passed.push_back({estate.handoff_receive, kHandoffReceive});
  for (const Listener& listener : *estate.listeners)
    passed.push_back({listener.fd.get(), listener.info.name});

  std::string assignment = std::string{kUpgradeVariable} + "=";
  std::vector<int> fds;
  for (const Passed& p : passed) {
    if (fds.size() > 0) assignment += ':';
    assignment += fmt::format("{}={}", p.fd, p.name);
    fds.push_back(p.fd);
  }
  for (const Testament::Worker& worker : testament.workers)
    fds.insert(fds.end(), {worker.channel, worker.page});
  for (const Testament::Zygote& zygote : testament.zygotes)
    fds.push_back(zygote.channel);

  inherit(fds, true);
  const auto environment = environment_with(assignment);
  (void)::execve(program.c_str(), pointers(argv).data(), pointers(environment).data());
  Error error = last_error("execute " + program);
  inherit(fds, false);
  return error;
}

Result<std::vector<Passed>> take_passed() {
  std::vector<Passed> passed;
  const char* variable = std::getenv(kUpgradeVariable);
  if (variable == nullptr) return passed;
  const std::string text{variable};
  (void)::unsetenv(kUpgradeVariable);
  std::string_view rest{text};
  while (!rest.empty()) {
    const std::string_view item = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(item.size() + 1, rest.size()));
    Passed one;
    const char* end = item.data() + item.size();
    const auto [equals, failed] = std::from_chars(item.data(), end, one.fd);
    if (failed != std::errc{} || equals == end || *equals != '=' ||
        one.fd <= STDERR_FILENO || ::fcntl(one.fd, F_SETFD, FD_CLOEXEC) != 0)
      return Error{"an upgrade passed something unusable: " + std::string{item}};
    one.name.assign(equals + 1, end);
    passed.push_back(std::move(one));
  }
  return passed;
}

}  // namespace monodon::master
