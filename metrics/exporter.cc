// SPDX-License-Identifier: Apache-2.0
// The exporter's life: pages in, answers out.
#include "metrics/exporter.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <csignal>
#include <limits>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/log/log.h"
#include "base/process/close_elsewhere.h"
#include "base/text/number.h"
#include "metrics/agent.h"
#include "metrics/application/application_metrics.h"
#include "metrics/exposition/openmetrics.h"
#include "metrics/http/accept.h"
#include "metrics/http/host_check.h"
#include "metrics/http/http_server.h"
#include "metrics/observation/channel.h"
#include "metrics/observation/collect.h"
#include "metrics/observation/health.h"
#include "metrics/observation/process_stats.h"
#include "metrics/page/dashboard.h"
#include "metrics/page/page_state.h"
#include "metrics/page/plain_page.h"
#include "metrics/page/stack_desk.h"

namespace monodon::metrics {
namespace {

constexpr std::chrono::milliseconds kQueuePeriod{200};
constexpr std::chrono::milliseconds kRestPeriod{1000};
constexpr std::chrono::nanoseconds kHistoryStep{History::kStepNs};

constexpr std::string_view kStacks = "/stacks/";
constexpr const char* kPlainText = "text/plain; charset=utf-8";

bool is_local(int listener) {
  sockaddr_storage at{};
  socklen_t size = sizeof at;
  return ::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size) == 0 &&
         is_local_address(at);
}

void use_log(const Facts& facts) {
  if (auto opened = log::open({facts.log_path, facts.log_format, facts.log_level});
      !opened)
    log::warning("the exporter cannot open the error log: " + opened.error().message(),
                 {log::Id::log_failed});
}

class Exporter {
 public:
  Exporter(UniqueFd channel, Facts facts, scoreboard::BoardView board,
           UniqueFd listener, UniqueFd region)
      : channel_{std::move(channel)},
        application_{std::move(region)},
        observer_{std::move(board)},
        local_{is_local(listener.get())},
        server_{std::move(listener),
                [this](const HttpRequest& asked, HttpServer::Reply reply) {
                  answer(asked, std::move(reply));
                },
                [this](std::string_view host) { return knows(host); },
                HttpServer::Patience{}},
        stacks_{server_, channel_.get()} {
    around_.facts = std::move(facts);
    auto diagnosis = SocketDiagnosis::open();
    if (diagnosis)
      diagnosis_ = std::move(diagnosis).value();
    else
      log::warning(diagnosis.error().message(), {log::Id::exporter_limited});
  }

  int run() {
    server_.watch(channel_.get(), [this] { hear(); });
    server_.repeat([this] { return sample(); });
    server_.every(std::chrono::duration_cast<std::chrono::milliseconds>(kHistoryStep),
                  [this] { keep_history(); });
    server_.run();
    return 0;
  }

 private:
  void hear() {
    for (;;) {
      auto heard = receive(channel_.get());
      if (!heard) {
        const int code = heard.error().code;
        if (code == EAGAIN || code == EINTR) return;
        if (code != ECONNRESET)
          log::error(heard.error().message(), {log::Id::exporter_failed});
        return server_.stop();
      }
      Message& message = heard.value();
      if (message.facts) {
        around_.facts = std::move(*message.facts);
        around_.queues.clear();
        use_log(around_.facts);
        sample_queues();
      }
      if (message.reload) around_.reload = std::move(*message.reload);
      if (message.stacks)
        stacks_.hear(*message.stacks,
                     message.fds.empty() ? UniqueFd{} : std::move(message.fds[0]));
      if (message.page && message.fds.size() == 1)
        if (auto added = observer_.add_page(*message.page, message.fds[0]); !added)
          log::warning(added.error().message(), {log::Id::exporter_limited});
    }
  }

  Sight look(Observer::Times times = Observer::Times::read) {
    hear();  // a page must be there before the board names its worker
    return observer_.look(monotonic_ns(), times);
  }

  void sample_queues() {
    if (!diagnosis_) return;
    const auto depths = diagnosis_->ask(around_.facts.listeners);
    const std::uint64_t now = monotonic_ns();
    for (const ListenerFacts& listener : around_.facts.listeners)
      if (const auto depth = depths.find(listener.inode); depth != depths.end())
        around_.queues[listener.address].note(depth->second, now);
    around_.history.note_queue(waiting_now(around_));
  }

  // Queues are looked at often while there is work: at rest nobody waits in one for
  // long.
  std::chrono::milliseconds sample() {
    sample_queues();
    constexpr std::uint64_t kLoadNs = 900'000'000;
    if (elapsed_ns(load_sampled_ns_, monotonic_ns()) >= kLoadNs) sample_load();
    return at_rest_ && waiting_now(around_) == 0 ? kRestPeriod : kQueuePeriod;
  }

  void sample_load() {
    const Sight sight = look(Observer::Times::leave);
    const Capacity now = capacity(sight);
    around_.waiting_inside = static_cast<std::uint32_t>(now.waiting);
    around_.saturation.note(now, waiting_now(around_), sight.now_ns);
    around_.log_loss.note(sight.sum.log_lines_dropped, sight.now_ns);
    at_rest_ = now.busy == 0 &&
               std::exchange(requests_seen_, sight.sum.requests) == sight.sum.requests;
    load_sampled_ns_ = sight.now_ns;
    listen_for_agents();
  }

  // Its address may be taken by the exporter before us, which is on its way out.
  void listen_for_agents() {
    if (agents_ || around_.facts.agent.empty()) return;
    auto listening = metrics::listen_for_agents(around_.facts.agent);
    if (!listening) {
      if (!std::exchange(agents_failed_, true))
        log::warning(listening.error().message() + "; trying again",
                     {log::Id::exporter_limited});
      return;
    }
    agents_ = std::move(listening).value();
    server_.watch(agents_.get(), [this] { answer_agents(); });
  }

  void answer_agents() {
    const Sight sight = look(Observer::Times::leave);
    metrics::answer_agents(
        agents_.get(),
        agent_line({.ready = ready(sight, around_.facts.ready_workers),
                    .stopping = sight.board.stopping,
                    .saturation = around_.saturation.value(),
                    .refused = has_failed(around_.reload),
                    .drain_refused = around_.facts.agent_drain_refused}));
  }

  Verdict is_ready() {
    Verdict said = ready(look(Observer::Times::leave), around_.facts.ready_workers);
    if (!around_.facts.ready_when_saturated && around_.saturation.is_full())
      said.good = false;
    return said;
  }

  void sample_memory(const Sight& sight) {
    std::vector<std::uint32_t> pids;
    for (const SlotSight& slot : sight.slots)
      if (slot.row.pid != 0) pids.push_back(slot.row.pid);
    around_.pss = memory_.exchange(pids);
    memory_sampled_ns_ = sight.now_ns;
  }

  // A look, and memory as of this moment.
  Sight look_around() {
    Sight sight = look();
    sample_memory(sight);
    return sight;
  }

  // The kernel walks all pages of a process to say what it takes: at rest not each
  // time.
  void keep_history() {
    constexpr std::uint64_t kMemoryAtRestNs = 60'000'000'000;
    const Sight sight = look();
    if (!at_rest_ || elapsed_ns(memory_sampled_ns_, sight.now_ns) >= kMemoryAtRestNs)
      sample_memory(sight);
    around_.history.note(sight, pss_of_workers(sight, around_), wall_seconds());
  }

  bool knows(std::string_view host) const {
    return is_own_host(host, around_.facts.hosts) || is_own_host(host, {machine_});
  }

  // Whether this one may read what the application says and where it is.
  bool shows_all(const HttpRequest& asked) const {
    const std::string& says = around_.facts.dashboard;
    return says == "full" || (says == "auto" && local_ && !asked.forwarded);
  }

  void answer(const HttpRequest& asked, HttpServer::Reply reply) {
    if (asked.path.starts_with(kStacks))
      return stacks(asked, asked.path.substr(kStacks.size()), std::move(reply));
    reply(answer_at_once(asked));
  }

  HttpAnswer answer_at_once(const HttpRequest& asked) {
    const std::string_view path = asked.path;
    if (path == "/metrics") return metrics(asked);
    if (path == "/-/healthy") return verdict(healthy(look(Observer::Times::leave)));
    if (path == "/-/ready") return verdict(is_ready());
    if (path == "/dashboard.json")
      return {200, "application/json",
              dashboard_json(look_around(), around_, shows_all(asked))};
    if (path == "/history.json")
      return {200, "application/json", history_json(look_around(), around_)};
    if (path == "/reload") return reason(asked);
    if (path == "/favicon.svg" || path == "/favicon.ico")
      return {200, "image/svg+xml", std::string{dashboard_icon()}};
    if (path == "/") return page(asked);
    return {404, kPlainText, "not found; / and /metrics are\n"};
  }

  // No link on a foreign page gets anybody's stacks taken.
  void stacks(const HttpRequest& asked, std::string_view number,
              HttpServer::Reply reply) {
    const auto slot = parse_number(number, std::numeric_limits<std::uint32_t>::max());
    if (!slot) return reply({404, kPlainText, "the path is /stacks/SLOT\n"});
    if (!shows_all(asked) || asked.cross_site)
      return reply(
          {403, kPlainText,
           fmt::format("stacks are for who is on the machine: monodon trace {}\n",
                       *slot)});
    stacks_.ask(static_cast<std::uint32_t>(*slot), std::move(reply));
  }

  HttpAnswer reason(const HttpRequest& asked) {
    if (!shows_all(asked) || asked.cross_site)
      return {
          403, kPlainText,
          "why a reload failed is for who is on the machine: monodon status, or the "
          "log\n"};
    hear();
    if (around_.reload.last_reason.empty())
      return {404, kPlainText, "no reload has failed, as far as is known\n"};
    return {200, kPlainText, around_.reload.last_reason + "\n"};
  }

  HttpAnswer page(const HttpRequest& asked) {
    const std::string nonce = make_nonce();
    return {200,
            "text/html; charset=utf-8",
            dashboard_page(nonce, plain_page(look_around(), around_, shows_all(asked))),
            {{"Content-Security-Policy", dashboard_policy(nonce)},
             {"Referrer-Policy", "no-referrer"}}};
  }

  static HttpAnswer verdict(Verdict said) {
    return {said.good ? 200U : 503U, kPlainText, std::move(said.text)};
  }

  HttpAnswer metrics(const HttpRequest& asked) {
    const std::uint64_t began = monotonic_ns();
    sample_queues();
    Exposition exposition;
    const Sight sight = look_around();
    std::vector<std::uint32_t> pids;
    for (const SlotSight& slot : sight.slots) pids.push_back(slot.row.pid);
    auto families = application_.read(pids);
    around_.series_dropped = application_.dropped();
    around_.samples_left_out = application_.left_out();
    collect(sight, around_, exposition);
    exposition.append(std::move(families));
    exposition.add_labels(around_.facts.labels);
    HttpAnswer answer =
        wants_openmetrics(asked.accept)
            ? HttpAnswer{200, kOpenMetricsType, std::move(exposition).openmetrics()}
            : HttpAnswer{200, "text/plain; version=0.0.4; charset=utf-8",
                         std::move(exposition).text()};
    ++around_.scrapes;
    around_.scrape_ns += elapsed_ns(began, monotonic_ns());
    return answer;
  }

  UniqueFd channel_;
  ApplicationMetrics application_;
  Observer observer_;
  Surroundings around_;
  std::optional<SocketDiagnosis> diagnosis_;
  PssSampler memory_;
  bool at_rest_ = false;  // no request since the last look, and none runs
  std::uint64_t requests_seen_ = 0;
  std::uint64_t load_sampled_ns_ = 0;
  std::uint64_t memory_sampled_ns_ = 0;
  UniqueFd agents_;  // where HAProxy asks
  bool agents_failed_ = false;
  std::string machine_ = machine_name();
  bool local_;  // only who is on this machine can connect
  HttpServer server_;
  StackDesk stacks_;
};

}  // namespace

int run_exporter(UniqueFd channel) {
  (void)::prctl(PR_SET_DUMPABLE, 0);
  // The master decides when this ends; what goes to its terminal or group is not for
  // us.
  for (const int signo : {SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGPIPE, SIGUSR1})
    (void)::signal(signo, SIG_IGN);
  auto first = receive(channel.get());
  if (!first || !first.value().facts || first.value().fds.size() < 2) {
    if (first || first.error().code != ECONNRESET)
      log::error("monodon-exporter is started by the master; do not run it by hand",
                 {log::Id::exporter_failed});
    return 1;
  }
  Message& orders = first.value();
  use_log(*orders.facts);
  auto board = scoreboard::BoardView::open(orders.fds[0].get());
  if (!board) {
    log::error(board.error().message(), {log::Id::exporter_failed});
    return 1;
  }
  keep_to_the_end(orders.fds[1].get());
  const int flags = ::fcntl(channel.get(), F_GETFL);
  if (flags < 0 || ::fcntl(channel.get(), F_SETFL, flags | O_NONBLOCK) != 0) return 1;
  return Exporter{std::move(channel), std::move(*orders.facts),
                  std::move(board).value(), std::move(orders.fds[1]),
                  orders.fds.size() > 2 ? std::move(orders.fds[2]) : UniqueFd{}}
      .run();
}

}  // namespace monodon::metrics
