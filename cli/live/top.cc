// SPDX-License-Identifier: Apache-2.0
// monodon top: looks again and again until somebody quits.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>

#include "base/clock.h"
#include "cli/live/commands.h"
#include "cli/live/control_client.h"
#include "cli/live/control_finder.h"
#include "cli/live/kernel_facts.h"
#include "cli/live/terminal.h"
#include "cli/live/top_text.h"
#include "metrics/process_stats.h"

namespace monodon::cli {
namespace {

using std::chrono::milliseconds;

// The master signs its board once a second.
constexpr double kSilence = 3;
constexpr std::uint64_t kAskAgainNs = 1'000'000'000;

// Looks at the server through its shared memory. The master is asked once more only for
// the pages of workers that came since, and never waited for long: it may hang, and
// then there are no new workers either.
class Observatory {
 public:
  explicit Observatory(std::string path) : path_{std::move(path)} {}

  Outcome open(milliseconds patience) {
    asked_ns_ = monotonic_ns();
    const auto answer = ask(path_, R"({"op":"status"})", patience);
    if (!answer) return answer.error();
    auto view = ServerView::open(answer.value());
    if (!view) return view.error();
    view_.emplace(std::move(view).value());
    return ok();
  }

  // open() has succeeded once.
  void look() {
    status_ = view_->read();
    note_.clear();
    const double silent =
        static_cast<double>(elapsed_ns(status_.board.heartbeat_ns, status_.now_ns)) /
        1e9;
    const bool wanted = view_->outdated() || silent > kSilence;
    if (wanted && elapsed_ns(asked_ns_, status_.now_ns) >= kAskAgainNs &&
        open(milliseconds{200}))
      status_ = view_->read();
    else if (silent > kSilence)
      note_ = fmt::format("NO SIGN OF LIFE of the master for {:.0f}s", silent);
    add_kernel_facts(status_);
    add_memory();
    trend_.note(status_);
  }

  [[nodiscard]] std::vector<TopLine> screen(TopChoice choice, std::size_t width,
                                            std::size_t height) const {
    choice.note = note_;
    return top_screen(status_, trend_, choice, width, height);
  }

 private:
  // That of the last seconds: a thread looks, which may have to wait for a process.
  void add_memory() {
    std::vector<std::uint32_t> pids;
    for (const SlotStatus& slot : status_.slots)
      if (slot.pid > 0) pids.push_back(static_cast<std::uint32_t>(slot.pid));
    // Not before the terminal has blocked its signals, which the thread inherits. Never
    // destroyed: leaving must not wait for a look that a dead disk holds up.
    static auto& sampler = *new metrics::PssSampler;
    const auto memory = sampler.exchange(pids);
    for (SlotStatus& slot : status_.slots)
      if (const auto seen = memory.find(static_cast<std::uint32_t>(slot.pid));
          seen != memory.end())
        slot.memory = seen->second;
  }

  std::string path_;
  std::optional<ServerView> view_;
  ServerStatus status_;
  Trend trend_;
  std::string note_;
  std::uint64_t asked_ns_ = 0;
};

milliseconds delay_of(const TopChoice& choice) {
  return milliseconds{std::llround(choice.delay * 1000)};
}

// False: the user wants to leave.
bool heed_key(char key, TopChoice& choice) {
  constexpr double kShortest = 0.1;
  constexpr double kLongest = 60;
  for (const SortKey& sort : kSortKeys)
    if (sort.key == key) choice.sort = sort.by;
  switch (key) {
    case 'q':
      return false;
    case ' ':
      choice.paused = !choice.paused;
      break;
    case 'h':
    case '?':
      choice.help = !choice.help;
      break;
    case 'R':
      choice.reverse = !choice.reverse;
      break;
    case '+':
      choice.delay = std::min(choice.delay * 2, kLongest);
      break;
    case '-':
      choice.delay = std::max(choice.delay / 2, kShortest);
      break;
    default:
      break;
  }
  return true;
}

bool show(Terminal& terminal, const Observatory& seen, const TopChoice& choice) {
  const Terminal::Size size = terminal.size();
  std::vector<std::string> lines;
  for (TopLine& line : seen.screen(choice, size.columns, size.rows)) {
    if (line.heading) {
      line.text.resize(size.columns, ' ');
      line.text = "\x1b[7m" + line.text + "\x1b[0m";
    }
    lines.push_back(std::move(line.text));
  }
  return terminal.draw(lines);
}

void run_screen(Terminal& terminal, Observatory& seen, TopChoice choice) {
  seen.look();
  auto next = Clock::now() + delay_of(choice);
  while (show(terminal, seen, choice)) {
    const auto left = std::chrono::ceil<milliseconds>(next - Clock::now());
    const auto happened = terminal.wait(std::max(left, milliseconds{0}));
    if (happened.over) return;
    for (const char key : happened.keys)
      if (!heed_key(key, choice)) return;
    next = std::min(next, Clock::now() + delay_of(choice));
    if (Clock::now() < next) continue;
    if (!choice.paused) seen.look();
    next = Clock::now() + delay_of(choice);
  }
}

// Rates need two looks, so the first picture comes after the first pause.
bool run_batch(Observatory& seen, const TopChoice& choice, std::uint64_t pictures) {
  seen.look();
  for (std::uint64_t i = 0; pictures == 0 || i < pictures; ++i) {
    (void)::poll(nullptr, 0, static_cast<int>(delay_of(choice).count()));
    seen.look();
    std::string text = i == 0 ? "" : "\n";
    for (const TopLine& line : seen.screen(choice, 0, 0)) text += line.text + "\n";
    if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0) return false;
  }
  return true;
}

}  // namespace

int run_top(const ControlOptions& options, const TopOptions& top) {
  const auto complain = [](const Error& error) {
    std::fprintf(stderr, "monodon top: %s\n", error.message().c_str());
    return kBadConfiguration;
  };
  const auto path = find_control_socket(options);
  if (!path) return complain(path.error());
  Observatory seen{path.value()};
  if (const auto opened = seen.open(milliseconds{5000}); !opened)
    return complain(opened.error());
  TopChoice choice;
  choice.delay = top.delay;
  for (const SortKey& sort : kSortKeys)
    if (sort.name == top.sort) choice.sort = sort.by;
  if (top.once) return run_batch(seen, choice, 1) ? kGood : kBadConfiguration;
  if (top.batch)
    return run_batch(seen, choice, top.pictures) ? kGood : kBadConfiguration;
  auto terminal = Terminal::open();
  if (!terminal)
    return complain(
        Error{terminal.error().message() + "; --batch and --once need none"});
  run_screen(terminal.value(), seen, choice);
  return kGood;
}

}  // namespace monodon::cli
