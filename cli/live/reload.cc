// SPDX-License-Identifier: Apache-2.0
// monodon reload: asks for one and shows its steps until it ends.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/text/text.h"
#include "cli/live/commands.h"
#include "cli/live/control_client.h"
#include "cli/live/control_finder.h"

namespace monodon::cli {
namespace {

constexpr std::chrono::seconds kFirstAnswer{5};

// Async-signal-safe. The signal ends the process when its handler has returned.
extern "C" void tell_and_end(int signo) {
  constexpr std::string_view kText =
      "\nmonodon reload: the server goes on with the reload; `monodon status` shows "
      "how far it is, and how it ended\n";
  (void)!::write(STDERR_FILENO, kText.data(), kText.size());
  (void)::signal(signo, SIG_DFL);
  (void)::raise(signo);
}

int complain(const std::string& text) {
  std::fprintf(stderr, "monodon reload: %s\n", text.c_str());
  return kBadConfiguration;
}

std::string text_in(const nlohmann::json& line, const char* key) {
  const auto found = line.find(key);
  if (found == line.end() || !found->is_string()) return {};
  std::string text;
  append_printable_lines(text, found->get<std::string>(), {});
  return text;
}

// The beginning has the reason, and so has the end; the error log has all.
std::string in_short(std::string text) {
  constexpr std::size_t kBeginning = 3000;
  constexpr std::size_t kEnd = 1500;
  if (text.size() <= kBeginning + kEnd) return text;
  const auto whole = [&](std::size_t at) {  // not within a character
    while (at < text.size() && (text[at] & 0xc0) == 0x80) ++at;
    return at;
  };
  const std::size_t begin = whole(kBeginning);
  const std::size_t end = whole(text.size() - kEnd);
  return fmt::format(
      "{}\n... {} bytes are left out here; the server's error log has them ...\n{}",
      text.substr(0, begin), end - begin, text.substr(end));
}

void show(const std::string& text) {
  if (text.empty()) return;
  std::puts(text.c_str());
  std::fflush(stdout);  // who waits wants to see it now, also through a pipe
}

std::string order_of(const ControlOptions& options) {
  return nlohmann::json{
      {"op", "reload"}, {"wait", options.wait}, {"rehearse", options.rehearse}}
      .dump();
}

int no_wait(const std::string& path, const ControlOptions& options) {
  const auto answer = ask(path, order_of(options), kFirstAnswer);
  if (!answer) return complain(answer.error().message());
  show("reload begun; `monodon status` shows the generation that serves");
  return kGood;
}

int fail(const nlohmann::json& line) {
  const std::string outcome = text_in(line, "outcome");
  const std::string what = outcome == "rolled_back" ? "rolled back: "
                           : outcome == "refused"   ? "refused: "
                                                    : "";
  return complain(what + in_short(text_in(line, "error")));
}

}  // namespace

// Asks for what SIGHUP asks for, and shows how it goes, to its end.
int run_reload(const ControlOptions& options) {
  const auto path = find_control_socket(options);
  if (!path) return complain(path.error().message());
  if (!options.wait) return no_wait(path.value(), options);
  const auto begin = Clock::now();
  const bool bounded = options.timeout > 0;
  const auto end = bounded ? begin + std::chrono::duration_cast<Clock::duration>(
                                         std::chrono::duration<double>(options.timeout))
                           : Clock::time_point::max();
  auto talk = Conversation::begin(path.value(), order_of(options));
  if (!talk) return complain(talk.error().message());
  (void)::signal(SIGINT, tell_and_end);
  (void)::signal(SIGTERM, tell_and_end);

  std::string last = "nothing was heard of it";
  for (auto until = std::min(end, begin + kFirstAnswer);; until = end) {
    const auto answer = talk.value().next(until);
    if (!answer && bounded && Clock::now() >= end)
      return complain(fmt::format(
          "not complete after {} s ({}); the server goes on with it, and `monodon "
          "status` shows how far it is",
          options.timeout, last));
    if (!answer) return complain(answer.error().message());
    const auto line = nlohmann::json::parse(answer.value().line, nullptr, false);
    if (!line.is_object()) return complain("the server's answer is no JSON object");
    if (line.contains("error")) return fail(line);
    last = text_in(line, "text");
    show(last);
    if (line.contains("ok")) return kGood;
  }
}

}  // namespace monodon::cli
