// SPDX-License-Identifier: Apache-2.0
// monodon trace: the Python stacks of workers, as they arrive.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/process/closer.h"
#include "base/process/passed_fds.h"
#include "cli/live/commands.h"
#include "cli/live/control_client.h"
#include "cli/live/control_finder.h"
#include "cli/live/slot_text.h"
#include "cli/live/trace_text.h"

namespace monodon::cli {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMostText = 4 << 20;

// What the worker writes until it closes its end. An Error: it does not. What the
// application sends along may make its last owner wait in close(2).
Result<std::string> read_stacks(int socket, milliseconds patience) {
  std::string text;
  const auto until = Clock::now() + patience;
  while (text.size() < kMostText) {
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
    pollfd ready{socket, POLLIN, 0};
    const int polled =
        ::poll(&ready, 1, static_cast<int>(std::max(left, milliseconds{0}).count()));
    if (polled < 0 && errno == EINTR) continue;
    if (polled < 0) return last_error("wait for the stacks");
    if (polled == 0)
      return Error{"no answer within " +
                   spell_seconds(static_cast<double>(patience.count()) / 1000)};
    std::array<char, 65536> block{};
    std::vector<UniqueFd> strangers;
    const auto size = receive_guarded(socket, block, strangers);
    Closer::of_process().close(std::move(strangers));
    if (size < 0 && errno == EAGAIN) continue;
    if (size < 0) return last_error("read the stacks");
    if (size == 0) break;
    text.append(block.data(), static_cast<std::size_t>(size));
  }
  return text;
}

// Why a process may not answer, as the kernel sees it (proc(5), "stat").
std::string excuse(const SlotStatus& slot) {
  if (slot.state == "starting") return "; it is still loading the application";
  std::ifstream file{fmt::format("/proc/{}/stat", slot.pid)};
  std::string line;
  std::getline(file, line);
  const std::size_t at = line.rfind(") ");
  if (at == std::string::npos) return "; it has ended meanwhile";
  switch (line[at + 2]) {
    case 'T':
    case 't':
      return "; it is stopped (SIGSTOP, or a debugger)";
    case 'D':
      return "; it waits inside the kernel, for a disk perhaps";
    case 'Z':
      return "; it is dead";
    default:
      return {};
  }
}

// What became of one worker.
enum class Traced : std::uint8_t { shown, idle };

Result<Traced> trace(const std::string& path, const SlotStatus& slot,
                     std::uint64_t now_ns, milliseconds patience, bool everything) {
  auto answer =
      ask(path, fmt::format(R"({{"op":"stacks","slot":{}}})", slot.slot), patience);
  if (!answer) return answer.error();
  if (answer.value().fds.empty()) return Error{"the server sent no stacks"};
  auto stacks = read_stacks(answer.value().fds.front().get(), patience);
  Closer::of_process().close(std::move(answer.value().fds));
  if (!stacks) return Error{stacks.error().message() + excuse(slot)};
  if (stacks.value().empty())
    return Error{"no Python stacks: the application is native, or the worker ended"};
  const std::string text = trace_text(slot, stacks.value(), now_ns, everything);
  if (text.empty()) return Traced::idle;
  const std::string heading =
      fmt::format("worker {} (serial {}, pid {}, generation {}), {}", slot.slot,
                  slot.serial, slot.pid, slot.generation, state_of(slot));
  std::fputs((heading + "\n" + text).c_str(), stdout);
  std::fflush(stdout);  // the next one may keep us waiting
  return Traced::shown;
}

// All of its threads wait: that is no news, and said once for all.
void print_idle(const std::vector<std::uint32_t>& idle) {
  if (idle.empty()) return;
  std::puts(fmt::format("idle, with nothing to show: {} {} (--all shows {})",
                        idle.size() == 1 ? "worker" : "workers", fmt::join(idle, ", "),
                        idle.size() == 1 ? "it" : "them")
                .c_str());
}

}  // namespace

// First {"op":"status"}, for the names of the workers and for what they run; then, for
// each, {"op":"stacks"}: the answer has a stream socket that the worker's keeper writes
// to. Neither the master nor the interpreter's lock is involved in that.
int run_trace(const ControlOptions& options) {
  bool good = true;
  const auto complain = [&good](const std::string& about) {
    std::fprintf(stderr, "monodon trace: %s\n", about.c_str());
    good = false;
    return kBadConfiguration;
  };
  const milliseconds patience{std::llround(options.patience * 1000)};
  const auto path = find_control_socket(options);
  if (!path) return complain(path.error().message());
  const auto answer = ask(path.value(), R"({"op":"status"})", milliseconds{5000});
  if (!answer) return complain(answer.error().message());
  const auto status = read_status(answer.value());
  if (!status) return complain(status.error().message());

  const auto& slots = status.value().slots;
  for (const std::uint32_t wanted : options.slots)
    if (std::ranges::find(slots, wanted, &SlotStatus::slot) == slots.end())
      return complain(
          fmt::format("there is no slot {}; `monodon status` shows which "
                      "there are",
                      wanted));
  std::vector<std::uint32_t> idle;
  for (const SlotStatus& slot : slots) {
    const bool named =
        std::ranges::find(options.slots, slot.slot) != options.slots.end();
    if (!named && (!options.slots.empty() || slot.pid == 0)) continue;
    const auto done =
        trace(path.value(), slot, status.value().now_ns, patience, options.everything);
    if (!done)
      complain(fmt::format("worker {}: {}", slot.slot, done.error().message()));
    else if (done.value() == Traced::idle)
      idle.push_back(slot.slot);
  }
  print_idle(idle);
  return good ? kGood : kBadConfiguration;
}

}  // namespace monodon::cli
