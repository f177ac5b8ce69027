// SPDX-License-Identifier: Apache-2.0
// `monodon check`: what a zygote would do with the application, without forking a
// worker.
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/text/text.h"
#include "worker/process/surroundings.h"
#include "worker/process/zygote.h"
#include "worker/wire/wire.h"

namespace monodon::worker {
namespace {

void say(std::string_view text) {
  std::string shown;
  append_printable_lines(shown, text, {});
  shown += '\n';
  (void)!::write(STDERR_FILENO, shown.data(), shown.size());
}

// What a zygote would do after such an import, for people.
std::vector<std::string> decision(Application& app, const Boot& boot) {
  const std::string price =
      "so no old code is in memory: a worker that is replaced runs what is on the disk";
  if (!preloads(boot))
    return {"preload: off; each worker imports the application, " + price};
  const bool anyway = forks_anyway(boot);
  std::vector<std::string> left = app.prepare_to_fork(anyway);
  if (left.empty()) return {"preload: workers share one import of the application"};
  if (!anyway)
    return {
        fmt::format("preload: each worker imports the application, {}; its import leaves "
                    "what a fork breaks: {}",
                    price, fmt::join(left, "; "))};
  for (std::string& line : left) line.insert(0, "warning: ");
  return left;
}

// Imports what a zygote imports in advance. A reason: it would be refused in a reload.
std::string import_late(Application& app, const Boot& boot) {
  LateImports late = app.import_late(boot);
  for (const std::string& text : late.told) say("warning: " + text);
  return late.broken.empty() ? "" : std::move(late.broken.front());
}

// What it starts may listen where that of the running server does.
LoadError try_when_ready(Application& app) {
  LoadError error = app.call_once(kWhenReady).error;
  if (error.reason.find(fmt::format("[Errno {}]", EADDRINUSE)) == std::string::npos)
    return error;
  say(fmt::format("note: when_ready cannot be tried to its end: {}",
                  first_line(error.reason)));
  return {};
}

// What a zygote and, with `call_hooks`, its first worker do before they serve.
LoadError try_out(Application& app, const Boot& boot, bool call_hooks) {
  const Settings& settings = boot.settings;
  if (const Outcome applied = apply_surroundings(settings); !applied)
    return {static_cast<std::int64_t>(wire::LoadFailure::not_ready),
            applied.error().message()};
  LoadError error = app.prepare(boot);
  if (error.reason.empty()) error = app.load(boot);
  // What was learned does not count for the decision: a zygote does without rather than
  // have each worker import by itself.
  Boot unlearned = boot;
  unlearned.learned.clear();
  if (error.reason.empty()) error.reason = import_late(app, unlearned);
  if (call_hooks && error.reason.empty()) error = app.call_pre_fork();
  if (error.reason.empty())
    for (const std::string& line : decision(app, boot)) say(line);
  if (error.reason.empty() && !boot.learned.empty())
    error.reason = import_late(app, boot);
  if (!call_hooks) return error;
  if (error.reason.empty()) error = try_when_ready(app);
  if (!error.reason.empty()) return error;
  const WorkerInfo first{.generation = boot.generation, .threads = settings.threads};
  app.before_fork(first);
  error = app.start_worker(first);
  if (error.reason.empty()) app.stop_worker();
  // What it has left of its process, such as files of metrics, is no worker's.
  app.worker_ended(first, ::getpid());
  return error;
}

std::string read_to_end(int fd) {
  std::string text;
  std::array<char, 4096> block;
  for (;;) {
    const ssize_t got = ::read(fd, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(block.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

int check_application(Application& app, bool call_hooks) {
  auto boot = boot_from_json(read_to_end(STDIN_FILENO));
  if (!boot) {
    say(boot.error().message());
    return 1;
  }
  const Boot& value = boot.value();
  const LoadError error = try_out(app, value, call_hooks);
  const std::string& name = value.settings.application;
  if (error.reason.empty()) {
    app.stop_zygote(true);
    say("good: " + name + " can be served");
    return 0;
  }
  if (last_line(error.reason) != error.reason) say(error.reason);
  app.stop_zygote(true);
  const std::string_view reason = first_line(error.reason);
  const std::string_view named = reason.starts_with(name) ? "" : ": ";
  say(fmt::format("not good: {}{}{}", named.empty() ? "" : name, named, reason));
  return static_cast<int>(error.failure);
}

}  // namespace monodon::worker
