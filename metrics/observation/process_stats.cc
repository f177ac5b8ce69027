// SPDX-License-Identifier: Apache-2.0
// Processor time and memory of the workers, read in the background.
#include "metrics/observation/process_stats.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <string>
#include <string_view>

#include "base/machine/memory.h"
#include "base/unique_fd.h"

namespace monodon::metrics {
namespace {

// Between two looks at all processes. Each costs the other one page-table walk.
constexpr std::chrono::seconds kPssPeriod{5};

std::string read_proc(std::uint32_t pid, std::string_view file) {
  const std::string path = "/proc/" + std::to_string(pid) + "/" + std::string{file};
  const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  std::array<char, 1024> text;
  const ssize_t size = fd ? ::read(fd.get(), text.data(), text.size()) : 0;
  return {text.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

// Numbers of a line, by position; what is not there is 0.
class Fields {
 public:
  explicit Fields(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size() && count_ < values_.size()) {
      const std::size_t end = std::min(text.find(' ', at), text.size());
      (void)std::from_chars(text.data() + at, text.data() + end, values_[count_++]);
      at = end + 1;
    }
  }
  [[nodiscard]] std::uint64_t operator[](std::size_t i) const { return values_.at(i); }

 private:
  std::array<std::uint64_t, 24> values_{};
  std::size_t count_ = 0;
};

std::uint64_t to_us(std::uint64_t ticks) {
  static const auto kTicks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  return ticks * 1'000'000U / kTicks;
}

}  // namespace

std::uint64_t read_cpu_us(std::uint32_t pid, std::uint32_t parent) {
  const std::string text = read_proc(pid, "stat");
  // The name, field 2, may hold anything; the last parenthesis is its end.
  const std::size_t name_end = text.rfind(") ");
  if (name_end == std::string::npos) return 0;
  const Fields fields{std::string_view{text}.substr(name_end + 2)};  // from field 3
  if (parent != 0 && fields[1] != parent) return 0;
  return to_us(fields[11] + fields[12] + fields[13] + fields[14]);
}

std::uint64_t read_own_cpu_us(std::uint32_t pid) {
  const std::string text = read_proc(pid, "stat");
  const std::size_t name_end = text.rfind(") ");
  if (name_end == std::string::npos) return 0;
  const Fields fields{std::string_view{text}.substr(name_end + 2)};
  return to_us(fields[11] + fields[12]);
}

std::uint64_t read_rss_bytes(std::uint32_t pid) {
  static const auto kPage = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return Fields{read_proc(pid, "statm")}[1] * kPage;
}

PssSampler::PssSampler() : thread_{[this](const std::stop_token& s) { run(s); }} {}

std::map<std::uint32_t, std::uint64_t> PssSampler::exchange(
    const std::vector<std::uint32_t>& pids) {
  const std::lock_guard lock{mutex_};
  std::map<std::uint32_t, std::uint64_t> wanted;
  bool any_new = false;
  for (const std::uint32_t pid : pids) {
    const auto known = seen_.find(pid);
    wanted[pid] = known == seen_.end() ? 0 : known->second;
    any_new |= wanted[pid] == 0;
  }
  seen_ = wanted;
  if (any_new || Clock::now() >= looked_at_ + kPssPeriod) {
    due_ = true;
    changed_.notify_one();
  }
  return wanted;
}

void PssSampler::run(const std::stop_token& stop) {
  std::unique_lock lock{mutex_};
  while (changed_.wait(lock, stop, [this] { return due_; })) {
    due_ = false;
    looked_at_ = Clock::now();
    const auto round = seen_;
    lock.unlock();
    std::map<std::uint32_t, std::uint64_t> found;
    for (const auto& [pid, before] : round) {
      if (stop.stop_requested()) return;
      found[pid] = pss_bytes(std::to_string(pid));
    }
    lock.lock();
    for (const auto& [pid, bytes] : found)
      if (const auto at = seen_.find(pid); at != seen_.end()) at->second = bytes;
  }
}

}  // namespace monodon::metrics
