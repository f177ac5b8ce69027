// SPDX-License-Identifier: Apache-2.0
// monodon top: looks again and again until somebody quits.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>

#include "base/clock.h"
#include "cli/live/commands.h"
#include "cli/live/control_client.h"
#include "cli/live/control_finder.h"
#include "cli/live/kernel_facts.h"
#include "cli/live/scene.h"
#include "cli/live/terminal.h"
#include "cli/live/top_sites.h"
#include "cli/live/top_text.h"
#include "metrics/observation/process_stats.h"

namespace monodon::cli {
namespace {

using std::chrono::milliseconds;

// The master signs its board once a second.
constexpr double kSilence = 3;
constexpr std::uint64_t kAskAgainNs = 1'000'000'000;

// Looks at the server through its shared memory. The master is asked once more only for
// the pages of workers that came since, and never waited for long: it may hang, and
// then there are no new workers either.
class Observatory final : public Scene {
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
  void look() override {
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
                                            std::size_t height) const override {
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

// False: the user wants to leave.
bool heed_key(char key, TopChoice& choice) {
  constexpr double kShortest = 0.1;
  constexpr double kLongest = 60;
  constexpr std::size_t kPage = 10;
  constexpr std::size_t kLast = 1 << 20;
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
    case Terminal::kUp:
      choice.first -= std::min<std::size_t>(choice.first, 1);
      break;
    case Terminal::kDown:
      ++choice.first;
      break;
    case Terminal::kPageUp:
      choice.first -= std::min(choice.first, kPage);
      break;
    case Terminal::kPageDown:
      choice.first += kPage;
      break;
    case Terminal::kHome:
      choice.first = 0;
      break;
    case Terminal::kEnd:
      choice.first = kLast;
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

}  // namespace

int run_top(const ControlOptions& options, const TopOptions& top) {
  const auto complain = [](const Error& error) {
    std::fprintf(stderr, "monodon top: %s\n", error.message().c_str());
    return kBadConfiguration;
  };
  TopChoice choice;
  choice.delay = top.delay;
  for (const SortKey& sort : kSortKeys)
    if (sort.name == top.sort) choice.sort = sort.by;
  const std::uint64_t pictures = top.once ? 1 : top.pictures;
  const bool batch = top.once || top.batch;
  const auto run = [&](Scene& scene) {
    const auto done = batch ? run_batch(scene, choice, pictures)
                            : run_screen(scene, choice, heed_key);
    return done ? kGood : complain(done.error());
  };
  if (options.all) {
    SitesScene scene;
    return run(scene);
  }
  auto found = choose_server(options);
  if (!found) return complain(found.error());
  if (found.value().path.empty()) {
    SitesScene scene;
    return run(scene);
  }
  Observatory seen{found.value().path};
  if (const auto opened = seen.open(milliseconds{5000}); !opened)
    return complain(opened.error());
  return run(seen);
}

}  // namespace monodon::cli
