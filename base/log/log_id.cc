// SPDX-License-Identifier: Apache-2.0
// The table of messages: name, id, cause and remedy of each.
#include "base/log/log_id.h"

#include <array>

namespace monodon::log {
namespace {

constexpr auto kIds = std::to_array<IdRow>({
    {Id::server_started, "server_started", "71f1f665aa35444bbe3d6137b40ddc12",
     "The master has started; the application is not imported yet.", "None."},
    {Id::server_listening, "server_listening", "2d53d90aa0e5444db46021629ea58d4a",
     "A listener is ready, passed by systemd or bound.", "None."},
    {Id::server_stopping, "server_stopping", "e427f923048c4c2a90f91f3361259f81",
     "SIGTERM, SIGINT or SIGQUIT came, or `systemctl stop`.", "None."},
    {Id::server_stopped, "server_stopped", "236b191dd7c546779f667d1cd5ff0342",
     "The last worker has ended; the master ends.", "None."},
    {Id::server_failed, "server_failed", "154d3f2a462346009afbdca159e45a33",
     "The master cannot start, or cannot go on.", "The message says why."},
    {Id::configuration_note, "configuration_note", "5c5c045948104e48953a73dade2c5aa2",
     "Something in the configuration has no effect.", "Remove it, or leave it."},
    {Id::configuration_warning, "configuration_warning",
     "ec2db0bba3a14034814835cc1dccd17d",
     "Something in the configuration is allowed, but probably not what was meant.",
     "Do what the message says."},
    {Id::configuration_error, "configuration_error", "1c2cdf24f13546588599b95c9d5d01ba",
     "The configuration cannot be used. A running server goes on with its old "
     "configuration.",
     "Correct the place that is named; `monodon check` says whether it is right now."},
    {Id::workers_changed, "workers_changed", "99a286ed09e24decb764720b66a908b8",
     "SIGTTIN, SIGTTOU, SIGWINCH or `monodon scale` changed the number of workers.",
     "A reload brings back the configured number."},
    {Id::logs_reopened, "logs_reopened", "3446c830fbc746519115c4fbcde73a8b",
     "SIGUSR1 came, usually from logrotate.", "None."},
    {Id::log_failed, "log_failed", "0b6539c7e1264fbd87c565877a04cd23",
     "A log file cannot be opened or written.",
     "Look at the directory, its owner and its free space; then send SIGUSR1."},
    {Id::log_restored, "log_restored", "7d3130d4aeaa40abba87344918408c39",
     "A log file that could not be written is written again; the message says how many "
     "lines are missing.",
     "None; but what filled the disk may do so again."},
    {Id::spool_chosen, "spool_chosen", "b04d07b32e0d428a8c9d773de51cd193",
     "The place for request bodies and responses that are too large for memory. It is "
     "tried at the start and at each reload.",
     "If it is memory, or not the place that you want: make spool_directory writable "
     "for the service's user (with a read-only root, mount a volume there)."},
    {Id::reload_begun, "reload_begun", "d444689f88644bf8b39b21128cc804bf",
     "SIGHUP, `monodon reload` or `systemctl reload`.", "None."},
    {Id::generation_proposed, "generation_proposed", "8463b75df01b49f18a2e8078629a047c",
     "A new generation of the application will be imported.", "None."},
    {Id::application_loaded, "application_loaded", "fe705f4510124ca286a789507487cf99",
     "The application was imported.", "None."},
    {Id::application_failed, "application_failed", "e3ba9d8ae03e489f9de1aa733d88f664",
     "The application cannot be imported. The old generation, if there is one, goes on "
     "serving.",
     "Correct the error in the traceback, then reload."},
    {Id::application_warning, "application_warning", "9d02407d7776475e95657d35af721385",
     "The import, or warm_up, left something that does not survive a fork: a thread, a "
     "socket.",
     "Open it after the fork, close it in pre_fork, or set preload: auto."},
    {Id::application_incomplete, "application_incomplete",
     "5c6473448ea5435685f785ade8011506",
     "A part of the application that its requests need cannot be imported (Django's "
     "URLconf). The server starts nevertheless, since nothing better is serving yet; a "
     "reload refuses such code.",
     "Correct the error in the traceback, then reload."},
    {Id::application_forked, "application_forked", "32fe68dfe55c44f5a4549385c5fa642a",
     "A process that the application forked returned from its view or hook into the "
     "server, as if it were the worker. It was ended there, with status 0; nobody "
     "received its answer.",
     "End it with os._exit() when its work is done, or use subprocess or "
     "multiprocessing."},
    {Id::application_unshared, "application_unshared",
     "ce692748e5454070a9e0a8677cd26c27",
     "The import of the application has left something that a fork breaks (a thread, a "
     "connection, a lock), so each worker imports by itself, as under Gunicorn. That "
     "is correct, but slower to start, and takes more memory.",
     "None. To share one import, open what the message names in post_fork, or close it "
     "in pre_fork; see docs/deploys.md."},
    {Id::application_stale, "application_stale", "4802a369b70a4cb883308acb9d4c974a",
     "A worker of old code has imported a file that is newer than that code, so it "
     "runs a mixture of two releases.",
     "Reload. Releases in directories of their own never mix."},
    {Id::zygote_failed, "zygote_failed", "e2c0794c400d4c9c96faa15e9f35e09d",
     "The process that forks workers ended, hung, or could not be started. Its workers "
     "go on serving.",
     "If it repeats, look at memory, at limits (TasksMax), and for code that ends its "
     "own process."},
    {Id::worker_ready, "worker_ready", "ace9925a2a6e44abbd9167f132136188",
     "A worker has started to serve.", "None."},
    {Id::worker_not_forked, "worker_not_forked", "bf5d7613637e43f282ece650d307a73b",
     "No process could be started for a slot; it is tried again.",
     "Look at memory and at TasksMax of the service; the message has the kernel's "
     "reason."},
    {Id::worker_load_failed, "worker_load_failed", "e2d032a5ad614c439a7a4cf2994bbbe5",
     "A worker could not import the application (preload: false) or start its threads.",
     "Correct the error in the traceback."},
    {Id::worker_retiring, "worker_retiring", "ee4bc82b82574b13b9772b7b7f766cde",
     "A worker asks to be replaced: max_requests, max_lifetime, max_memory, or SIGTERM"
     " to it.",
     "None. If max_memory is the reason often, look for a leak."},
    {Id::worker_ended, "worker_ended", "8ff6476f32314ad982d0c4891fbbe410",
     "A worker left as requested.", "None."},
    {Id::worker_died, "worker_died", "e392568e58894e57b58c58bfff1533e4",
     "A worker ended without being asked to: because of a signal, an exit of the "
     "application, or a deadline of the master.",
     "The message names the request that it was running and, if one was taken, its "
     "last stack. SIGSEGV: look at extension modules. SIGKILL: somebody else killed "
     "it, often the limit of a container."},
    {Id::worker_out_of_memory, "worker_out_of_memory",
     "3d79be4c8acd4e8fa530e7eb22c2de0d",
     "The kernel killed a worker because the service (MemoryMax), or the machine, had "
     "no memory left.",
     "Fewer workers or threads, more memory, or max_memory, which replaces workers in "
     "time."},
    {Id::worker_silent, "worker_silent", "b6644d13c3a046bab89f21292080f7df",
     "A worker makes no progress outside of the application: it is stopped, or it "
     "waits in the kernel. It is replaced.",
     "The message names the kernel function if it is known. State D means a disk or a "
     "network file system: look at spool_directory and at the file system of the "
     "logs."},
    {Id::worker_stuck, "worker_stuck", "118f7bab09f34b95a8a8dc5c0c05cccc",
     "A request ran past request_timeout. The client got 504; the worker is replaced.",
     "The logged stacks show where; a timeout is missing there."},
    {Id::worker_overdue, "worker_overdue", "e4385475425c4ce0b6fb826876c42a8b",
     "A worker or zygote missed its deadline and is killed.",
     "graceful_timeout or boot_timeout may be too short for this application."},
    {Id::worker_undead, "worker_undead", "6108e7116896459885416b2536fa787b",
     "A process does not die, although it was sent SIGKILL.",
     "Either it waits for a disk or a network file system, which only the kernel can "
     "end. Or another process traces it (ptrace); the message names that one: end it."},
    {Id::master_gone, "master_gone", "0974c2e3bcc1425db31a4f606043afc0",
     "A worker has lost its master; it finishes its requests and leaves.",
     "Look in the journal for the reason why the master ended. systemd starts a new "
     "one."},
    {Id::request_slow, "request_slow", "424eeac3cfe74e8ab53603e91bb3b7c5",
     "A request has run longer than slow_request; its stacks follow.",
     "The stacks show what it waits for."},
    {Id::request_deadline, "request_deadline", "86e69febf51f4aada9cdf41bb9acb4c7",
     "A request ran past request_timeout and was ended.",
     "A timeout is missing in the application, or request_timeout is too short."},
    {Id::request_cut, "request_cut", "7ca50cc53d574e50a3167b401748ef65",
     "A worker had to leave before its requests were finished (graceful_timeout).",
     "Use a longer graceful_timeout, or shorter requests."},
    {Id::request_refused, "request_refused", "66c5178ab01943d68e429c4ec0c3f0e1",
     "A request was not valid, or beyond a limit, and was answered with 4xx or 505. "
     "Logged at most once a minute for each reason and worker; more_before counts the "
     "requests in between.",
     "Look at reason and peer: a faulty client, an attack, or a limit_request_ setting "
     "that is too small for this site."},
    {Id::application_error, "application_error", "d3663c1eaf3c4a41a7c54ee2e30c5ff5",
     "The application, or a signal handler or hook of it, raised an exception.",
     "Correct the error in the traceback."},
    {Id::response_invalid, "response_invalid", "dc6c31b2b84f470a96b206a69953d2b1",
     "The application violated WSGI or HTTP: a body that does not match its length, or "
     "an invalid field.",
     "Correct the view that is named."},
    {Id::resources_short, "resources_short", "010b540f87354729b9ea0cd9667fbe6e",
     "There are not enough descriptors, memory or disk space for a connection or a "
     "body.",
     "Look at LimitNOFILE, MemoryMax, and the free space in spool_directory."},
    {Id::stacks_missing, "stacks_missing", "9fb103ee2c77484d9279c5297f0182d2",
     "Python stacks cannot be taken in this worker.",
     "Look at the traceback; the application may use faulthandler itself."},
    {Id::handoff_lost, "handoff_lost", "308ef208c7ab4d0f849c137860f20368",
     "A process of the site shut down sockets that all of its workers share: those "
     "through which they hand connections to each other (nothing is lost, but busy "
     "workers keep the connections they have), or a listener (nobody can connect "
     "there).",
     "Look for code that closes or shuts down descriptors that it did not open. "
     "Reload, "
     "so that every worker gets new sockets; for a listener, restart the server and, "
     "if "
     "it has one, its socket unit."},
    {Id::descriptors_refused, "descriptors_refused", "db35c11b35574296bbd8803c4a3089da",
     "Somebody sent file descriptors where none are expected; they were closed, and so "
     "was the connection.",
     "nginx and other proxies never do that: find out who can connect to the socket."},
    {Id::descriptors_in_flight, "descriptors_in_flight",
     "cfd02c60e8f34c26bf9c2d5d6ce60273",
     "The kernel limits how many descriptors the processes of one user may have in "
     "messages that nobody has read (LimitNOFILE=). A process of this user, of this "
     "site or another, has used up all of them. No worker can be started until it ends "
     "or reads its messages.",
     "Look for a process with many sockets (`ss -xp`). Users of their own keep sites "
     "apart; a higher LimitNOFILE= gives room."},
    {Id::generation_rolling, "generation_rolling", "6981cd9b509d4520a3c8661bbf9f93f8",
     "The new generation passed its checks; workers are replaced one by one.", "None."},
    {Id::generation_committed, "generation_committed",
     "a6b42f0fc34640898541b3ce68216026",
     "All workers run the new generation; the reload has succeeded.", "None."},
    {Id::generation_refused, "generation_refused", "69c72c7cde9a4f8da8ea97460fd97dd7",
     "A reload failed before any worker was replaced. The old generation goes on "
     "serving.",
     "The message has the reason; correct it and reload."},
    {Id::generation_rolled_back, "generation_rolled_back",
     "5c9972d1fb2946b4bd2647270d9c06ca",
     "New workers died or failed while they took over, or soon after; the old "
     "generation is serving again.",
     "The message has the reason; correct it and reload."},
    {Id::upgrade_begun, "upgrade_begun", "9d234661497f4a9a9d243a30bf480b46",
     "SIGUSR2 or `monodon upgrade`: the program is executed again, in the same "
     "process.",
     "None."},
    {Id::upgrade_failed, "upgrade_failed", "620df88bd0934d289d746f7b57f095ac",
     "The other version cannot take over, or not everything from the version before. "
     "The old version, or what was taken over, goes on serving.",
     "The message has the reason; a restart of the service always works."},
    {Id::upgrade_done, "upgrade_done", "d2c546e0cbc74da6bc9333d07ef4b8c1",
     "The other version runs; the previous version's workers are replaced one by one.",
     "None."},
    {Id::exporter_failed, "exporter_failed", "4606b5ec491d418a9afd8b1e313b8c2d",
     "The exporter ended or cannot be started, so there are no metrics. Requests are "
     "not affected.",
     "It is started again. The message has the reason, often a port that is taken."},
    {Id::exporter_limited, "exporter_limited", "2e87de063b014c5ca168e9ec596cea08",
     "The exporter cannot see something: listen queues, a page, a value.",
     "Often AF_NETLINK is missing in RestrictAddressFamilies= of the unit."},
    {Id::watcher_failed, "watcher_failed", "4478c1e8a2be4bb0a1320a0c458fa5b3",
     "With reload: files are not watched, or are compared one by one.",
     "The message has the reason; `monodon reload` works meanwhile."},
    {Id::bug, "bug", "e72ac1290d2149a5a7d26e1d09c4276a",
     "Monodon did what it should never do.", "Please report it, with the message."},
});

constexpr bool in_order() {
  for (std::size_t i = 0; i < kIds.size(); ++i)
    if (kIds.at(i).id != static_cast<Id>(i)) return false;
  return true;
}
static_assert(in_order());

}  // namespace

std::span<const IdRow> ids() noexcept {
  return kIds;
}

const IdRow& row_of(Id id) noexcept {
  return kIds.at(static_cast<std::size_t>(id));
}

}  // namespace monodon::log
