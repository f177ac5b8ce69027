// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "master/handover/estate.h"
#include "master/handover/testament.h"
#include "master/system/activation.h"

namespace monodon::master {

// Another version of this program in the same process: SIGUSR2, `monodon upgrade`.
//
// execve(2) keeps the pid (systemd's MAINPID), the children and what is said about them
// here: descriptors stay open, and kVariable names those that systemd would pass in
// LISTEN_FDS, by the same names; one of them is a memfd with the Testament as JSON. The
// environment is kept as it is, so that NOTIFY_SOCKET and WATCHDOG_USEC still hold.

inline constexpr const char* kUpgradeVariable = "_MONODON_UPGRADE";

// How this process was started: `argv`, and the program as it was called. Looked up
// anew for each upgrade, so that a package or a link may have brought another one.
Result<std::string> program_to_run(const std::vector<std::string>& argv);

// Goes to the directory that this process was started in, if a deploy has removed it
// and made it anew, or moved the link to it: names in argv are meant from there.
void return_to(const std::string& start_directory);

// Asks `program` whether it could take our place: it reads the configuration, compares
// the state_version() and answers (answer_question). An Error says why not. Blocks for
// as long as that takes, some 20 ms, and at most 5 s; workers do not notice.
Outcome ask_program(const std::string& program, std::vector<std::string> argv);

// The other side of ask_program(), in a `monodon serve` whose configuration is good:
// the exit status, or nothing when this is no such question.
std::optional<int> answer_question();

// Does not return, unless it fails: then all is as it was before. `passed`: what goes
// along beside the estate.
Error become_program(const std::string& program, const std::vector<std::string>& argv,
                     const Testament& testament, const Estate& estate,
                     std::vector<Passed> passed);

// What become_program() has passed; close-on-exec again. Empty: this process was
// started, not upgraded to. Removes the variable. At start-up.
Result<std::vector<Passed>> take_passed();

}  // namespace monodon::master
