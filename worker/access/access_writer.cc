// SPDX-License-Identifier: Apache-2.0
// Access-log lines, gathered and written many at a time.
#include "worker/access/access_writer.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/log/log.h"
#include "base/text/colour.h"
#include "worker/access/open_logs.h"

namespace monodon::worker {

namespace {

AccessFormat compiled(const std::string& text, bool coloured) {
  auto format = AccessFormat::compile(text, coloured);
  if (format) return std::move(format).value();
  log::error("access_log_format: " + format.error().message(),
             {log::Id::configuration_error});
  return std::move(AccessFormat::compile("json")).value();
}

}  // namespace

AccessWriter::AccessWriter(const Settings& settings)
    : format_{compiled(settings.access_log_format,
                       settings.access_log == "-" && wants_colour(STDOUT_FILENO))} {
  if (settings.syslog && !settings.disable_redirect_access_to_syslog) {
    // What is wrong with it has been told with the error log's.
    if (auto opened = Syslog::open(syslog_options(settings, "access")))
      syslog_ = std::move(opened).value();
    enabled_ = syslog_.enabled();
  }
  if (settings.access_log.empty()) return;
  auto file = LogFile::open(settings.access_log, STDOUT_FILENO);
  if (!file) {
    log::error("access log cannot be opened, serving without",
               {log::Id::log_failed, {"error", file.error().message()}});
    return;
  }
  file_ = std::move(file).value();
  enabled_ = true;
}

void AccessWriter::add(const AccessRecord& record, std::uint64_t now_ns) {
  const std::lock_guard lock{mutex_};
  line_.clear();
  format_.append(record, line_);
  write_line(now_ns);
}

void AccessWriter::add(std::string_view text, std::uint64_t now_ns) {
  const std::lock_guard lock{mutex_};
  line_.clear();
  line_.append(text);
  line_.append("\n");
  write_line(now_ns);
}

void AccessWriter::write_line(std::uint64_t now_ns) {
  file_.buffer(line_.view());
  if (syslog_.enabled())
    syslog_.send(Syslog::Severity::info, line_.view().substr(0, line_.size() - 1));
  if ((file_.losing() != 0) != losing_) tell_loss();
  last_ns_.store(now_ns, std::memory_order_relaxed);
  pending_.store(true, std::memory_order_relaxed);
}

void AccessWriter::flush() {
  const std::lock_guard lock{mutex_};
  pending_.store(false, std::memory_order_relaxed);
  flushed_ns_.store(last_ns_.load(std::memory_order_relaxed),
                    std::memory_order_relaxed);
  file_.flush();
  if ((file_.losing() != 0) != losing_) tell_loss();
}

// Once when lines begin to be lost and once when they are written again, with their
// number; a reader that is slow now and then is told of once a minute.
void AccessWriter::tell_loss() {
  constexpr std::uint64_t kQuietNs = 60'000'000'000;
  const int code = file_.losing();
  losing_ = code != 0;
  const std::uint64_t now = last_ns_.load(std::memory_order_relaxed);
  if (losing_) {
    if (now < quiet_until_ns_) return;
    loss_told_ = true;
    log::error("lines of the access log are lost",
               {log::Id::log_failed,
                {"path", file_.path()},
                {"error", code == EAGAIN ? "nobody reads them in time"
                                         : std::generic_category().message(code)}});
  } else if (loss_told_) {
    loss_told_ = false;
    quiet_until_ns_ = now + kQuietNs;
    log::warning("the access log is written again",
                 {log::Id::log_restored,
                  {"path", file_.path()},
                  {"missing_lines",
                   file_.dropped() - std::exchange(dropped_told_, file_.dropped())}});
  }
}

void AccessWriter::reopen() {
  const std::lock_guard lock{mutex_};
  file_.flush();
  if (auto opened = file_.reopen(); !opened)
    log::error("access log cannot be opened again",
               {log::Id::log_failed, {"error", opened.error().message()}});
}

std::uint64_t AccessWriter::dropped() {
  const std::lock_guard lock{mutex_};
  return file_.dropped();
}

}  // namespace monodon::worker
