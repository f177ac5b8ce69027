// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <utility>

#include "base/log/log.h"
#include "master/handover/upgrade.h"
#include "master/server.h"

// Another program in the same process: the side that goes and the side that comes.
namespace monodon::master {

Outcome Server::upgrade() {
  if (fleet_.stopping()) return Error{"the server stops"};
  const auto& argv = config_.command_line.argv;
  auto program = program_to_run(argv);
  Outcome asked = program ? ask_program(program.value(), argv) : program.error();
  if (!asked) {
    log::error("upgrade refused, this version runs on: " + asked.error().message(),
               {log::Id::upgrade_failed});
    return asked;
  }
  successor_ = std::move(program).value();
  if (!fleet_.at_rest() || reloading_)
    log::info("upgrade: waits until the reload is over", {log::Id::upgrade_begun});
  return ok();
}

void Server::become_successor() {
  const std::string program = std::exchange(successor_, {});
  log::info(fmt::format("upgrade: {} takes over, workers go on", program),
            {log::Id::upgrade_begun});
  Testament testament = draw_up(fleet_, *estate_.listeners);
  testament.upgrades = upgrades_ + 1;
  std::vector<Passed> passed{{chronicle_.board_writer_fd(), kBoard}};
  if (exporter_.listener() >= 0) passed.push_back({exporter_.listener(), "metrics"});
  if (control_.passed() >= 0) passed.push_back({control_.passed(), "control"});
  const Error error = become_program(program, config_.command_line.argv, testament,
                                     estate_, std::move(passed));
  log::error("upgrade failed, this version runs on: " + error.message(),
             {log::Id::upgrade_failed});
}

void Server::resume(const Testament& testament) {
  upgrades_ = testament.upgrades;
  auto draft = draft_proposal(config_, estate_);
  PoolSettings goal;
  std::vector<int> fds;
  if (draft) {
    goal = draft.value().proposal.pool;
    fds = draft.value().proposal.order.fds;
  } else {
    log::error(draft.error().message(), {log::Id::configuration_error});
  }
  carry_out(testament, kernel_, goal, fds, fleet_);
  // Whoever ended meanwhile and is nobody's any more.
  sweep_ = true;
  ever_served_ = fleet_.pool().serving() > 0;
  log::info(
      fmt::format("upgraded to monodon {}; {} of {} workers go on", MONODON_VERSION,
                  fleet_.pool().serving(), testament.workers.size()),
      {log::Id::upgrade_done});
}

}  // namespace monodon::master
