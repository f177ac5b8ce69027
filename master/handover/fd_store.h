// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "scoreboard/board.h"

namespace monodon::master {

// The names, for LISTEN_FDNAMES. Numbers are versions: of the message in
// worker/wire/handoff.cc. The board has its own in its header.
inline constexpr const char* kHandoffSend = "monodon-handoff-1-send";
inline constexpr const char* kHandoffReceive = "monodon-handoff-1-receive";
inline constexpr const char* kBoard = "monodon-board";
inline constexpr const char* kLogKeeper = "monodon-logs";  // master/system/log_keeper.h
inline constexpr const char* kTestament =
    "monodon-testament";  // master/handover/testament.h

// The two ends of the socket pair over which workers hand connections to each other
// (worker/wire/handoff.h). Both are held by the master as long as it lives.
struct HandoffPair {
  UniqueFd send;
  UniqueFd receive;
};

// What a master finds that an earlier one has left: in systemd's file descriptor store
// (systemd.service(5), FileDescriptorStoreMax=), or by an upgrade in its own process
// (master/handover/upgrade.h). Empty where there was nothing.
struct Heirlooms {
  HandoffPair handoff;
  UniqueFd board;                                // the memfd of a scoreboard, read-only
  UniqueFd testament;                            // a memfd; only after an upgrade
  UniqueFd log_keeper;                           // its channel; only after an upgrade
  std::vector<UniqueFd> pages;                   // of its workers, read-only
  std::vector<scoreboard::LastPage> last_pages;  // the same
  std::vector<std::string> alien;  // names of ours that this version has no use for
};

// Takes `fd` if `name` (LISTEN_FDNAMES) is one that we give to what we store. False: it
// is something else, and still the caller's. At start-up.
bool take_heirloom(Heirlooms& found, std::string_view name, UniqueFd& fd);

// The stored pair if it is whole, of the right kind and not shut down, else a new one.
// The queue of the pair is made as long as the kernel allows: at least 500 connections
// (net.core.wmem_max, and the soft RLIMIT_NOFILE of the workers). CLOEXEC,
// non-blocking.
Result<HandoffPair> open_handoff(Heirlooms& found);
Result<HandoffPair> make_handoff();

// Puts pair and board into the store, after what is alien was taken out. False: there
// is no store (no systemd, or FileDescriptorStoreMax= is not set), and all ends with
// this process. Waits for systemd's word, normally for a millisecond and at most for a
// second: sd_notify(3) alone does not tell. What is there already is recognised and not
// stored twice.
bool store(const HandoffPair& handoff, int board, const Heirlooms& found);

// In place of the pair that is there. Only where store() said true.
void store_anew(int handoff_send, int handoff_receive);

// The page of a worker, as long as it lives: if the master dies first, the next one
// reads from it what the worker had counted. Only where store() said true.
void store_page(const scoreboard::LastPage& page);
void forget_page(const scoreboard::LastPage& page);

}  // namespace monodon::master
