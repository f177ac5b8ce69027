// SPDX-License-Identifier: Apache-2.0
// The watcher of a development server: tells its master when code has changed.
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/process/watching.h"
#include "base/text/number.h"
#include "cli/watch/commands.h"
#include "cli/watch/interest.h"
#include "cli/watch/notices.h"
#include "cli/watch/tree.h"

namespace monodon::cli {
namespace {

using namespace std::chrono_literals;

constexpr int kChannel = 3;
constexpr int kModules = 4;
// Saving one file is several events within a millisecond or two, a checkout thousands
// with gaps: wait until it is quiet.
constexpr auto kQuietAfterSave = 5ms;
constexpr auto kQuiet = 25ms;
// What took a second may pause for longer.
constexpr int kBurstPerQuiet = 8;
constexpr auto kLongestQuiet = 150ms;
// A checkout on a busy machine pauses for longer still, and each pause would be a
// reload that the next one makes void: so it is for a second after many files at once.
constexpr auto kQuietInARush = 500ms;
constexpr auto kRush = 1s;
constexpr std::size_t kManyFiles = 3;
// Who writes is not done before the file is closed, but some keep theirs open.
constexpr auto kQuietWhileOpen = 300ms;
constexpr auto kPollPeriod = 400ms;

// The clock of ctime(2).
std::int64_t file_time() {
  timespec now{};
  (void)::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

class Watcher {
 public:
  // What was saved while the first look went on may be older than the code in memory.
  explicit Watcher(const WatchOptions& options)
      : interest_{options.roots, options.patterns}, roots_{options.roots} {
    const std::int64_t begin = options.since > 0 ? options.since : file_time();
    choose_engine(options);
    Tree::Changes ignored;
    tree_.look_at_all(ignored);
    changes_ = tree_.changed_since(begin);
    tell_changes();
    next_poll_ = Clock::now() + kPollPeriod;
  }

  // Until the master is gone.
  void run() {
    for (;;) {
      std::array<pollfd, 3> fds{pollfd{kChannel, POLLIN, 0},
                                pollfd{modules_open_ ? kModules : -1, POLLIN, 0},
                                pollfd{polling_ ? -1 : notices_.fd(), POLLIN, 0}};
      const int n = ::poll(fds.data(), fds.size(), timeout());
      if (n < 0 && errno != EINTR) return;
      if (n > 0 && fds[0].revents != 0) return;
      if (n > 0 && fds[1].revents != 0) read_modules();
      if (n > 0 && fds[2].revents != 0) note(notices_.read());
      act(Clock::now());
    }
  }

 private:
  void choose_engine(const WatchOptions& options) {
    polling_ = options.engine == "poll";
    if (polling_) return;
    const auto remote = std::ranges::find_if(options.roots, is_remote);
    if (options.engine == "auto" && remote != options.roots.end())
      return fall_back(*remote + " is not a local file system");
    auto notices = Notices::open();
    if (!notices) return fall_back(notices.error().message());
    notices_ = std::move(notices).value();
  }

  // From here on files are compared, which finds the same changes later.
  void fall_back(const std::string& why) {
    if (std::exchange(polling_, true)) return;
    open_.clear();
    tell("!files are looked at every 400 ms, since inotify does not serve: " + why);
  }

  void enter(const std::string& directory) {
    if (polling_) return;
    if (const Outcome watched = notices_.watch(directory); !watched)
      fall_back(watched.error().message() +
                (watched.error().code == ENOSPC
                     ? " (sysctl fs.inotify.max_user_watches says how many)"
                     : ""));
  }

  void leave(const std::string& directory) {
    notices_.forget(directory);
    if (std::ranges::find(roots_, directory) != roots_.end())
      gone_roots_.insert(directory);
  }

  void note(Notices::News news) {
    lost_ = lost_ || news.lost;
    dirty_.merge(news.directories);
    const Clock::time_point now = Clock::now();
    for (const auto& [directory, file] : news.written)
      if (interest_.wants_file(directory == "/" ? "/" + file
                                                : directory + "/" + file)) {
        open_.insert(directory);
        last_write_ = now;
      }
    if (!dirty_.empty() || lost_) note_event(now);
  }

  void note_event(Clock::time_point now) {
    last_event_ = now;
    if (!first_event_) first_event_ = now;
  }

  [[nodiscard]] Clock::time_point end_of_burst() const {
    const Clock::duration lasted = last_event_ - *first_event_;
    const bool save = dirty_.size() == 1 && lasted < kQuietAfterSave;
    const auto quiet = *first_event_ < rush_ends_
                           ? kQuietInARush
                           : std::clamp<Clock::duration>(
                                 lasted / kBurstPerQuiet,
                                 save ? kQuietAfterSave : kQuiet, kLongestQuiet);
    return std::min(last_event_ + quiet, *first_event_ + kLongestBurst);
  }

  [[nodiscard]] std::optional<Clock::time_point> wakeup() const {
    if (first_event_) return end_of_burst();
    std::optional<Clock::time_point> when;
    if (polling_ || !gone_roots_.empty()) when = next_poll_;
    if (!open_.empty())
      when = std::min(when.value_or(Clock::time_point::max()),
                      last_write_ + kQuietWhileOpen);
    return when;
  }

  [[nodiscard]] int timeout() const {
    const auto when = wakeup();
    if (!when) return -1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(*when - Clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 10'000));
  }

  void act(Clock::time_point now) {
    const auto when = wakeup();
    if (!when || now < *when) return;
    if (!first_event_ && !open_.empty() && now >= last_write_ + kQuietWhileOpen)
      dirty_.merge(open_);
    if (polling_) return look_by_itself(now);
    if (std::exchange(lost_, false)) {
      dirty_.clear();
      tree_.look_at_all(changes_);
    }
    for (const std::string& directory : std::exchange(dirty_, {})) {
      open_.erase(directory);
      tree_.look(directory, changes_);
    }
    first_event_.reset();
    await_roots(now);
    // git removes a file before it writes it: without it the import would only fail.
    if (!first_event_ && only_gone() && !std::exchange(awaits_return_, true))
      return note_event(now);
    awaits_return_ = false;
    tell_changes();
  }

  [[nodiscard]] bool only_gone() const {
    return !changes_.empty() && std::ranges::none_of(changes_, [](const auto& path) {
      return ::access(path.c_str(), F_OK) == 0;
    });
  }

  // Nobody tells of a directory that comes back, so it is looked for.
  void await_roots(Clock::time_point now) {
    next_poll_ = now + kPollPeriod;
    if (std::erase_if(gone_roots_, [](const std::string& root) {
          return ::access(root.c_str(), F_OK) == 0;
        }) == 0)
      return;
    lost_ = true;
    note_event(now);
  }

  // Tells when two looks have found the same: nobody is in the middle of it.
  void look_by_itself(Clock::time_point now) {
    Tree::Changes fresh;
    tree_.look_at_all(fresh);
    const Clock::time_point done = Clock::now();
    // A large tree may take long: most of the time is not for us.
    next_poll_ = done + std::max<Clock::duration>(kPollPeriod, 20 * (done - now));
    if (fresh.empty()) {
      first_event_.reset();
      return tell_changes();
    }
    changes_.merge(fresh);
    note_event(done);
    if (done < *first_event_ + kLongestBurst) return;
    first_event_.reset();
    tell_changes();
  }

  void tell_changes() {
    if (changes_.empty()) return;
    std::string text = *changes_.begin();
    for (const std::string& root : roots_)
      if (text.starts_with(root + "/")) {
        text.erase(0, root.size() + 1);
        break;
      }
    if (changes_.size() == 2) text += " and another file";
    if (changes_.size() > 2)
      text += fmt::format(" and {} other files", changes_.size() - 1);
    if (changes_.size() >= kManyFiles) rush_ends_ = Clock::now() + kRush;
    changes_.clear();
    tell(text);
  }

  static void tell(const std::string& text) {
    (void)::send(kChannel, text.data(), std::min(text.size(), kLongestNotice),
                 MSG_NOSIGNAL);
  }

  // "NANOSECONDS PATH": since when what is saved may not be in memory (CLOCK_REALTIME).
  void read_module(std::string_view line) {
    const std::size_t space = std::min(line.find(' '), line.size());
    const auto since = parse_number(line.substr(0, space), ~std::uint64_t{0} >> 1);
    const std::string path{line.substr(std::min(space + 1, line.size()))};
    if (!since || !path.starts_with('/') || !interest_.add_file(path)) return;
    if (!tree_.add_file(path, static_cast<std::int64_t>(*since))) return;
    changes_.insert(path);
    note_event(Clock::now());
  }

  void read_modules() {
    std::array<char, 64 * 1024> block;
    const ssize_t got = ::read(kModules, block.data(), block.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    modules_open_ = got > 0;
    if (!modules_open_) return;
    lines_.append(block.data(), static_cast<std::size_t>(got));
    std::size_t end;
    while ((end = lines_.find('\n')) != std::string::npos) {
      read_module(std::string_view{lines_}.substr(0, end));
      lines_.erase(0, end + 1);
    }
    constexpr std::size_t kLongestLine = 8192;
    if (lines_.size() > kLongestLine) lines_.clear();
  }

  Interest interest_;
  std::vector<std::string> roots_;
  Notices notices_;
  Tree tree_{interest_,
             {[this](const std::string& d) { enter(d); },
              [this](const std::string& d) { leave(d); }}};
  bool polling_ = false;
  std::set<std::string> gone_roots_;
  bool modules_open_ = true;
  std::string lines_;
  std::set<std::string> dirty_;
  std::set<std::string> open_;  // of dirty ones to come: something is being written
  Clock::time_point last_write_{};
  bool lost_ = false;
  bool awaits_return_ = false;  // of what has gone
  Tree::Changes changes_;
  std::optional<Clock::time_point> first_event_;
  Clock::time_point last_event_{};
  Clock::time_point rush_ends_{};
  Clock::time_point next_poll_{};
};

}  // namespace

int run_watch(const WatchOptions& options) {
  (void)::prctl(PR_SET_NAME, "monodon-watcher");
  // What it says makes the master reload: no process of its user may say it for it.
  (void)::prctl(PR_SET_DUMPABLE, 0);
  // Ctrl-C at a terminal is for the master; our channel ends with it.
  (void)::setsid();
  Watcher{options}.run();
  return 0;
}

}  // namespace monodon::cli
