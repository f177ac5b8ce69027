// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/log/log.h"
#include "master/config/docs.h"
#include "master/server.h"

// What operators ask of a running master: signals and the control socket.
namespace monodon::master {

namespace {

bool has_terminal() {
  return static_cast<bool>(
      UniqueFd{::open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY)});
}

std::string text_of(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// FNV-1a: enough to tell two configurations apart.
std::string hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return fmt::format("{:016x}", hash);
}

ControlReply refusal(const std::string& why) {
  return {text_of({{"error", why}}), {}, {}};
}

}  // namespace

void Server::watch_signals() {
  const auto on = [this](int signo, EventLoop::OnSignal::Handler handler) {
    signals_.push_back(loop_.on_signal(signo, std::move(handler)));
  };
  on(SIGTERM, [this](int) { stop(false); });
  on(SIGINT, [this](int) { stop(true); });
  on(SIGQUIT, [this](int) { stop(true); });
  on(SIGHUP, [this](int) { reload(); });
  on(SIGTTIN, [this](int) { change_workers(1); });
  on(SIGTTOU, [this](int) { change_workers(-1); });
  on(SIGUSR1, [this](int) { reopen_logs(); });
  on(SIGUSR2, [this](int) { (void)upgrade(); });
  on(SIGWINCH, [this](int) { rest_workers(); });
  on(SIGCHLD, [this](int) { sweep_ = true; });
  // Nobody writes to a pipe without looking at the result. Not a handler: there is none
  // in this process.
  (void)::signal(SIGPIPE, SIG_IGN);
}

void Server::stop(bool quick) {
  if (!fleet_.stopping()) {
    log::info(quick ? "stopping at once" : "stopping; requests may finish",
              {log::Id::server_stopping});
    notifier_.stopping();
    reload_clients_.stopped();
  }
  fleet_.stop(quick);
}

void Server::change_workers(int by) {
  constexpr std::size_t kMost = 1024;
  if (fleet_.stopping() || fleet_.generation() == 0) return;
  const std::size_t now = fleet_.workers();
  const std::size_t wanted =
      by > 0 ? std::min(now + 1, kMost) : std::max<std::size_t>(now, 2) - 1;
  if (wanted == now) return;
  fleet_.set_workers(wanted);
  log::info(fmt::format("{} workers wanted, was {}", wanted, now),
            {log::Id::workers_changed});
}

void Server::rest_workers() {
  if (fleet_.stopping() || fleet_.generation() == 0) return;
  if (has_terminal()) {
    log::debug("SIGWINCH is ignored: there is a terminal, which sends it when resized");
    return;
  }
  log::warning("all workers leave; SIGHUP or SIGTTIN brings them back",
               {log::Id::workers_changed});
  fleet_.set_workers(0);
}

void Server::reopen_logs() {
  if (auto opened = log::reopen(); !opened)
    log::error(opened.error().message(), {log::Id::log_failed});
  fleet_.pool().reopen_logs();
  log::info("log files were opened anew", {log::Id::logs_reopened});
}

void Server::inform_exporter() {
  metrics::Facts facts;
  facts.application = config_.settings.worker.application;
  facts.configuration_hash = hash_of(settings_as_yaml(config_.settings));
  facts.ready_workers = config_.settings.ready_workers;
  facts.log_path = config_.settings.worker.error_log;
  facts.log_format = config_.settings.worker.error_log_format;
  facts.log_level = config_.settings.worker.log_level;
  for (const Listener& listener : *estate_.listeners) {
    struct stat about {};
    if (::fstat(listener.fd.get(), &about) != 0) continue;
    facts.listeners.push_back(
        {listener.info.address, listener.info.unix_socket, about.st_ino});
  }
  exporter_.inform(std::move(facts));
}

ControlReply Server::answer(std::string_view line, ControlClient client) {
  const auto request = nlohmann::json::parse(line, nullptr, false);
  if (!request.is_object()) return refusal("not a JSON object");
  const auto op = request.find("op");
  if (op == request.end() || !op->is_string()) return refusal("no \"op\"");
  const auto name = op->get<std::string>();
  if (name == "status") return status_reply();
  if (name == "reload") {
    if (fleet_.stopping()) return refusal("the server stops");
    const auto wait = request.find("wait");
    const bool waits = wait != request.end() && wait->is_boolean() && wait->get<bool>();
    if (waits) reload_clients_.add(client, fleet_.busy());
    reload();
    if (waits) return {};
    return {text_of({{"ok", true}}), {}, {}};
  }
  if (name == "upgrade") {
    if (auto asked = upgrade(); !asked) return refusal(asked.error().message());
    return {text_of({{"ok", true}, {"upgrades", upgrades_}}), {}, {}};
  }
  if (name == "stacks") return stacks_reply(request);
  return refusal("this \"op\" is not known; status, reload, upgrade and stacks are");
}

// The worker writes into one end of a socket pair and the client reads from the other:
// however long that takes, the master has no part in it.
ControlReply Server::stacks_reply(const nlohmann::json& request) {
  const auto slot = request.find("slot");
  if (slot == request.end() || !slot->is_number_unsigned())
    return refusal("no \"slot\"");
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return refusal(last_error("make a socket pair").message());
  UniqueFd reader{ends[0]};
  const UniqueFd writer{ends[1]};
  const auto asked =
      fleet_.pool().request_stacks(slot->get<std::size_t>(), writer.get());
  if (!asked) return refusal(asked.error().message());
  const int fd = reader.get();
  return {text_of({{"stacks", 0}}), {fd}, std::move(reader)};
}

ControlReply Server::status_reply() const {
  ControlReply reply;
  reply.fds.push_back(chronicle_.board_fd());
  const Clock::time_point now = kernel_.now();
  const auto seconds = [](Clock::duration d) {
    return std::chrono::duration<double>(d).count();
  };
  nlohmann::json listeners = nlohmann::json::array();
  for (const Listener& listener : *estate_.listeners) {
    struct stat about {};
    if (::fstat(listener.fd.get(), &about) == 0)
      listeners.push_back({{"address", listener.info.address},
                           {"unix", listener.info.unix_socket},
                           {"inode", about.st_ino}});
  }
  nlohmann::json slots = nlohmann::json::array();
  const auto& all = fleet_.pool().slots();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Pool::Slot& slot = all[i];
    nlohmann::json row{{"slot", i},
                       {"state", name_of(slot.view.state)},
                       {"starts", slot.starts},
                       {"failures", slot.failures}};
    if (occupied(slot.view.state)) {
      row["serial"] = slot.process.serial;
      row["pid"] = slot.process.pid;
      row["generation"] = slot.view.generation;
      row["threads"] = slot.threads;
      row["age"] = seconds(now - slot.asked_at);
      if (slot.process.page && reply.fds.size() < kMaxControlFds) {
        row["page"] = reply.fds.size();  // index of its descriptor in this answer
        reply.fds.push_back(slot.process.page.get());
      }
    } else if (slot.view.may_start_at > now) {
      row["state"] = "resting";
      row["next_try"] = seconds(slot.view.may_start_at - now);
    }
    slots.push_back(std::move(row));
  }
  reply.line = text_of({{"version", MONODON_VERSION},
                        {"pid", ::getpid()},
                        {"application", config_.settings.worker.application},
                        {"generation", fleet_.generation()},
                        {"candidate", fleet_.candidate()},
                        {"step", name_of(fleet_.reload().step)},
                        {"reload", fleet_.reload().generation},
                        {"workers", fleet_.workers()},
                        {"stopping", fleet_.stopping()},
                        {"upgrades", upgrades_},
                        {"board", 0},  // index of the board's descriptor
                        {"listeners", std::move(listeners)},
                        {"slots", std::move(slots)}});
  return reply;
}

}  // namespace monodon::master
