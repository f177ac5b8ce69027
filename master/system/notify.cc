// SPDX-License-Identifier: Apache-2.0
// What systemd hears from the master.
#include "master/system/notify.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/net/unix_address.h"
#include "base/process/passed_fds.h"
#include "base/unique_fd.h"
#include "master/system/activation.h"

namespace monodon::master {

namespace {

constexpr Clock::duration kRepeat = std::chrono::milliseconds{100};

std::int64_t usec(Clock::duration d) {
  return std::chrono::duration_cast<std::chrono::microseconds>(d).count();
}

std::string reload_text(const Situation& s) {
  switch (s.step) {
    case ReloadStep::none:
      return {};
    case ReloadStep::importing:
      return fmt::format("; importing generation {}", s.reload);
    case ReloadStep::rehearsing:
      return fmt::format("; rehearsing generation {}", s.reload);
    case ReloadStep::canary:
      return fmt::format("; trying generation {} with one worker", s.reload);
    case ReloadStep::rolling:
      return fmt::format("; {} of them replaced so far", s.serving_current);
    case ReloadStep::observing:
      return fmt::format("; watching the answers of generation {}", s.reload);
    case ReloadStep::restoring:
      return fmt::format("; going back from generation {}", s.reload);
    case ReloadStep::parked:
      break;  // of the reload before
  }
  return {};
}

std::string plural(std::size_t n, const char* one, const char* many) {
  return fmt::format("{} {}", n, n == 1 ? one : many);
}

}  // namespace

std::string status_text(const Situation& s) {
  if (!s.failure.empty()) return s.failure;
  if (s.stopping && s.stops_in > Clock::duration::zero())
    return fmt::format("stopping in {} s; until then all is served",
                       std::chrono::ceil<std::chrono::seconds>(s.stops_in).count());
  if (s.stopping)
    return s.alive == 0 ? "stopping"
                        : "stopping: " + plural(s.alive, "worker finishes its requests",
                                                "workers finish their requests");
  if (s.generation == 0) return "importing the application";

  std::string text = fmt::format("{} of {} serving", s.serving,
                                 plural(s.workers, "worker", "workers"));
  text += fmt::format(", generation {}", s.generation);
  text += reload_text(s);
  if (!s.fell_back.empty()) text += "; " + s.fell_back;
  if (s.resting != 0)
    text += "; " + plural(s.resting, "slot pauses", "slots pause") + " after a failure";
  return text;
}

std::string reloading_text(Clock::time_point now) {
  return fmt::format("RELOADING=1\nMONOTONIC_USEC={}", usec(now.time_since_epoch()));
}

bool send_to_systemd(std::string_view text, std::span<const int> fds) {
  const char* const path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr) return false;
  auto address =
      *path == '@' ? UnixAddress::abstract(path + 1) : UnixAddress::of_path(path);
  if (!address) return false;

  iovec words{const_cast<char*>(text.data()), text.size()};
  msghdr message{};
  message.msg_name = address->data();
  message.msg_namelen = address->size();
  message.msg_iov = &words;
  message.msg_iovlen = 1;
  PassedFds<1> passed;
  passed.attach(message, fds);
  const UniqueFd socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  return socket && ::sendmsg(socket.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

bool await_systemd(std::chrono::milliseconds patience) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  const UniqueFd ours{ends[0]};
  UniqueFd theirs{ends[1]};
  const int sent = theirs.get();
  if (!send_to_systemd("BARRIER=1", {&sent, 1})) return false;
  theirs.reset();
  const auto end = Clock::now() + patience;
  pollfd closed{ours.get(), 0, 0};
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    const int ready = ::poll(&closed, 1, left > 0 ? static_cast<int>(left) : 0);
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

Notifier::Notifier() : heard_{std::getenv("NOTIFY_SOCKET") != nullptr} {
  const Clock::duration period = watchdog_period();
  if (period == Clock::duration::zero()) return;
  watchdog_ = period / 2;
  next_beat_ = Clock::time_point{};
}

bool Notifier::send(const std::string& text) const {
  return !heard_ || send_to_systemd(text);
}

void Notifier::state(std::string text) {
  untold_ = std::move(text);
  repeat();
}

void Notifier::repeat() {
  if (!untold_.empty() && send(untold_)) untold_.clear();
}

void Notifier::ready() {
  state("READY=1");
}
void Notifier::reloading(Clock::time_point now) {
  state(reloading_text(now));
}
void Notifier::stopping() {
  state("STOPPING=1");
}

void Notifier::status(const std::string& text) {
  if (text != status_ && send("STATUS=" + text)) status_ = text;
}

void Notifier::extend(Clock::duration by) {
  (void)send(fmt::format("EXTEND_TIMEOUT_USEC={}", usec(by)));
}

void Notifier::beat(Clock::time_point now) {
  if (now < next_beat_) return;
  const bool sent = send("WATCHDOG=1");
  next_beat_ = now + (sent ? watchdog_ : std::min(watchdog_, kRepeat));
}

}  // namespace monodon::master
