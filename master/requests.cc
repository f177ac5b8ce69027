// SPDX-License-Identifier: Apache-2.0
// What operators ask of a running master: signals and the control socket.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/log/log.h"
#include "base/process/passed_fds.h"
#include "master/fleet/obituary.h"
#include "master/system/terminal.h"
#include "master/server.h"
#include "master/site_name.h"
#include "master/status_reply.h"

namespace monodon::master {

namespace {

constexpr std::size_t kMostWorkers = 1024;

bool has_terminal() {
  return static_cast<bool>(
      UniqueFd{::open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY)});
}

ControlReply refusal(const std::string& why) {
  return {json_line({{"error", why}}), {}, {}};
}

}  // namespace

void Server::watch_signals() {
  const auto on = [this](int signo, EventLoop::OnSignal::Handler handler) {
    signals_.push_back(loop_.on_signal(signo, std::move(handler)));
  };
  on(SIGTERM, [this] { stop(false); });
  on(SIGINT, [this] { stop(true); });
  on(SIGQUIT, [this] { stop(true); });
  on(SIGHUP, [this] {
    // In development it says that the terminal was closed.
    if (settings().worker.development)
      stop(true);
    else
      desk_.ask();
  });
  const auto by_terminal = [this] {
    return settings().worker.development && stop_with_the_terminal();
  };
  on(SIGTTIN, [this, by_terminal] {
    if (!by_terminal()) change_workers(1);
  });
  on(SIGTTOU, [this, by_terminal] {
    if (!by_terminal()) change_workers(-1);
  });
  on(SIGUSR1, [this] { reopen_logs(); });
  on(SIGUSR2, [this] { (void)upgrade(); });
  on(SIGWINCH, [this] { rest_workers(); });
  on(SIGCHLD, [this] { watch_.suspect_strangers(); });
  // Nobody writes to a pipe without looking at the result. Not a handler: there is none
  // in this process.
  (void)::signal(SIGPIPE, SIG_IGN);
}

void Server::stop(bool quick) {
  if (!fleet_.stopping()) {
    const auto delay = std::chrono::milliseconds{settings().stop_delay};
    const bool waits = !quick && delay.count() != 0 && !stop_at_ && ever_served_;
    log::info(quick   ? "stopping at once"
              : waits ? "stopping in " + spell(delay) + "; until then all is served"
                      : "stopping; requests may finish",
              {log::Id::server_stopping});
    notifier_.stopping();
    desk_.stop();
    if (waits) {
      chronicle_.note_stopping();
      stop_at_ = Clock::now() + delay;
      return;
    }
  }
  stop_at_.reset();
  fleet_.stop(quick);
}

void Server::change_workers(int by) {
  if (stops() || fleet_.generation() == 0) return;
  const std::size_t now = fleet_.workers();
  set_workers(by > 0 ? std::min(now + 1, kMostWorkers)
                     : std::max<std::size_t>(now, 2) - 1);
}

void Server::set_workers(std::size_t wanted) {
  const std::size_t before = fleet_.workers();
  if (wanted == before) return;
  fleet_.set_workers(wanted);
  log::info(fmt::format("{} {} wanted, was {}; the next reload brings back the "
                        "configured number",
                        wanted, wanted == 1 ? "worker" : "workers", before),
            {log::Id::workers_changed});
}

ControlReply Server::scale(const nlohmann::json& request) {
  const auto workers = request.find("workers");
  if (workers == request.end() || !workers->is_number_unsigned())
    return refusal("no \"workers\"");
  const auto wanted = workers->get<std::uint64_t>();
  if (wanted < 1 || wanted > kMostWorkers)
    return refusal(fmt::format("workers are 1 to {}", kMostWorkers));
  if (stops()) return refusal("the server stops");
  if (fleet_.generation() == 0) return refusal("the server still starts");
  const std::size_t before = fleet_.workers();
  set_workers(wanted);
  return {json_line({{"ok", true}, {"workers", wanted}, {"before", before}}), {}, {}};
}

void Server::rest_workers() {
  if (stops() || fleet_.generation() == 0) return;
  if (has_terminal()) {
    log::debug("SIGWINCH is ignored: there is a terminal, which sends it when resized");
    return;
  }
  log::warning("SIGWINCH: stopping all workers; SIGHUP or SIGTTIN starts them again",
               {log::Id::workers_changed});
  fleet_.set_workers(0);
}

void Server::make_log_files() {
  if (auto made = log_keeper_.make_files(); !made)
    log::error(made.error().message(), {log::Id::log_failed});
}

void Server::reopen_logs() {
  make_log_files();
  if (auto opened = log::reopen(); !opened)
    log::error(opened.error().message(), {log::Id::log_failed});
  fleet_.pool().reopen_logs();
  log::info("reopened the log files", {log::Id::logs_reopened});
}

void Server::inform_exporter() {
  metrics::Facts facts = exporter_facts(settings(), describe(*estate_.listeners));
  const Nursery::Child* const zygote =
      std::as_const(fleet_).nursery().find(fleet_.generation());
  facts.site = site_name(desk_.config());
  facts.shared = zygote == nullptr || worker::preloads(zygote->order.boot);
  exporter_.inform(std::move(facts));
}

ControlReply Server::answer(std::string_view line, ControlClient client) {
  const auto request = nlohmann::json::parse(line, nullptr, false);
  if (!request.is_object()) return refusal("not a JSON object");
  const auto op = request.find("op");
  if (op == request.end() || !op->is_string()) return refusal("no \"op\"");
  const auto name = op->get<std::string>();
  if (name == "status")
    return status_reply(fleet_, {.site = site_name(desk_.config()),
                                 .application = settings().worker.application,
                                 .directory = settings().worker.directory,
                                 .config_file = desk_.config().config_file,
                                 .listeners = describe(*estate_.listeners),
                                 .board_fd = chronicle_.board_fd(),
                                 .upgrades = upgrades_,
                                 .fell_back = desk_.fell_back(),
                                 .stopping = stops(),
                                 .reload = desk_.book().story(),
                                 .deaths = chronicle_.deaths(),
                                 .now = kernel_.now()});
  if (name == "reload") {
    if (stops()) return refusal("the server stops");
    const auto wait = request.find("wait");
    const auto rehearse = request.find("rehearse");
    const bool rehearses =
        rehearse == request.end() || !rehearse->is_boolean() || rehearse->get<bool>();
    const bool waits = wait != request.end() && wait->is_boolean() && wait->get<bool>();
    if (waits) desk_.add(client);
    desk_.ask(rehearses);
    if (waits) return {};
    return {json_line({{"ok", true}}), {}, {}};
  }
  if (name == "learned") {
    const auto& learned = std::as_const(fleet_).learned();
    return {json_line({{"application", settings().worker.application},
                       {"directory", settings().worker.directory},
                       {"learned", learned.for_next_zygote()}}),
            {},
            {}};
  }
  if (name == "upgrade") {
    if (auto asked = upgrade(); !asked) return refusal(asked.error().message());
    return {json_line({{"ok", true}, {"upgrades", upgrades_}}), {}, {}};
  }
  if (name == "scale") return scale(request);
  if (name == "stacks") return stacks_reply(request);
  return refusal(
      "this \"op\" is not known; status, reload, scale, learned, upgrade and stacks "
      "are");
}

ControlReply Server::stacks_reply(const nlohmann::json& request) {
  const auto slot = request.find("slot");
  if (slot == request.end() || !slot->is_number_unsigned())
    return refusal("no \"slot\"");
  auto reader = stacks_of(slot->get<std::size_t>());
  if (!reader) return refusal(reader.error().message());
  const int fd = reader.value().get();
  return {json_line({{"stacks", 0}}), {fd}, std::move(reader).value()};
}

// The worker writes into one end of a socket pair and the client reads from the other:
// however long that takes, the master has no part in it.
Result<UniqueFd> Server::stacks_of(std::size_t slot) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return last_error("make a socket pair");
  UniqueFd reader{ends[0]};
  const UniqueFd writer{ends[1]};
  // Who reads may be root, and the application writes.
  if (!refuse_passed_fds(reader.get())) see_all_passed_fds(reader.get());
  if (auto asked = fleet_.pool().request_stacks(slot, writer.get()); !asked)
    return asked.error();
  return reader;
}

}  // namespace monodon::master
