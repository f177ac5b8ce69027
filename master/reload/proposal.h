// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "master/config/load.h"
#include "master/config/spool_choice.h"
#include "master/fleet/fleet.h"
#include "master/handover/estate.h"

namespace monodon::master {

struct DraftedProposal {
  Proposal proposal;
  std::string host;  // for the log: which program hosts the application, and why that
  SpoolChoice spool;
};

// Everything that a new generation needs, from a configuration that was just read. The
// interpreter and our own files are looked for anew. An Error says what is missing.
Result<DraftedProposal> draft_proposal(const LoadedConfig& config,
                                       const Estate& estate);

// That of this process.
std::vector<std::string> own_environment();

// `environment` without what systemd and we say to the master alone, with `changes`
// ("KEY=value") in place of or after what was there. Pure.
std::vector<std::string> heir_environment(std::vector<std::string> environment,
                                          const std::vector<std::string>& changes);

// How the workers of these settings are kept. Pure.
PoolSettings pool_settings(const Settings& settings);

// Copies the settings that need no new workers; the names of those that differed. Pure.
std::vector<std::string> take_live(Settings& settings, const Settings& from);

// Settings that differ and only come into force with a restart of the master. Pure.
std::vector<std::string> needs_restart(const Settings& before, const Settings& after);

}  // namespace monodon::master
