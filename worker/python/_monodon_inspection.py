# SPDX-License-Identifier: Apache-2.0
"""Findings: what an import has left in this process that a fork breaks, in words. The
sorts that take some work have modules of their own: _monodon_threads.py and
_monodon_descriptors.py, which ask the child of _monodon_probe.py. Zygote (and `monodon check`), after the cures of
_monodon_cures.py and before the first fork. Nothing of this stays in workers.
"""

import os
import sys
import typing

_MOST_NAMED = 3  # of each kind


class Kind(typing.NamedTuple):
    one: str
    many: str
    harm: str  # after "... is left by the import: "
    remedy: str


KINDS = {
    "thread": Kind("thread", "threads", "it runs in no worker", "start it in post_fork"),
    "native thread": Kind(
        "native thread", "native threads", "it runs in no worker",
        "have the library start it in post_fork, or at the first request"),
    "connection": Kind(
        "connection to", "connections to", "workers would read each other's answers",
        "close it in pre_fork, or open it in post_fork or at the first request"),
    "listener": Kind(
        "listening socket on", "listening sockets on",
        "every worker holds it, and none accepts", "open it in post_fork"),
    "lock": Kind(
        "lock on", "locks on", "every worker takes it for its own",
        "take it in post_fork, where one worker gets it"),
    "file": Kind(
        "file open for reading and writing,", "files open for reading and writing,",
        "all workers share its position", "open it in post_fork"),
    "compressed file": Kind(
        "compressed file open for writing,", "compressed files open for writing,",
        "each worker goes on where the import was, and nobody can read the file",
        "open it in post_fork, each worker its own"),
    "read file": Kind(
        "file open for reading,", "files open for reading,",
        "all workers share its position, and read each other's parts",
        "open it in post_fork, or read it whole"),
    "child": Kind(
        "child process", "child processes", "it is the child of no worker",
        "start it in post_fork"),
    "timer": Kind(
        "timer", "timers", "it goes off in no worker", "start it in post_fork"),
    "pipe": Kind(
        "pipe", "pipes", "whichever worker reads first takes what was meant for another",
        "make it in post_fork, or at the first request"),
    "receiver": Kind(
        "socket that receives on", "sockets that receive on",
        "whichever worker reads first takes what was meant for all",
        "open it in post_fork"),
    "watch": Kind(
        "watch of inotify,", "watches of inotify,",
        "whichever worker reads first takes what was meant for all",
        "start it in post_fork"),
    "pair": Kind(
        "pair of sockets", "pairs of sockets",
        "whichever worker reads first takes what was meant for another",
        "make it in post_fork, or at the first request"),
    "memory": Kind(
        "memory shared between processes,", "memory shared between processes,",
        "what one worker writes there all others read", "make it in post_fork"),
    "shared lock": Kind(
        "lock of multiprocessing", "locks of multiprocessing",
        "a worker that dies with it stops all others for good",
        "make it in post_fork, or use one of threading"),
    "event loop": Kind(
        "event loop of", "event loops of", "all workers share its epoll descriptor",
        "make it in post_fork, or close it in pre_fork"),
}

def sentences(findings, explain):
    """findings: (kind, what). A text for each kind; with harm and remedy if `explain`."""
    texts = []
    for kind, about in KINDS.items():
        found = [what for of_kind, what in findings if of_kind == kind]
        if not found:
            continue
        shown = ", ".join(found[:_MOST_NAMED])
        if len(found) > _MOST_NAMED:
            shown += f" and {len(found) - _MOST_NAMED} more"
        text = f"{about.one if len(found) == 1 else about.many} {shown}"
        if explain:
            text += f" left by the import: {about.harm}; {about.remedy}"
        texts.append(text)
    return texts


def child_processes(arbiters=()):
    """As findings, (kind, what), without those that belong to Gunicorn's arbiter."""
    not_ours = set().union(*(arbiter.children for arbiter in arbiters))
    return [("child", f"{pid} ({_comm(pid)})") for pid in children() if pid not in not_ours]


def children():
    """Pids of those that live, without those that multiprocessing keeps for everybody."""
    pids = set()
    for tid in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{tid}/children", encoding="ascii") as file:
                pids.update(map(int, file.read().split()))
        except OSError:
            continue
    pids -= {_helper("multiprocessing.resource_tracker", "_resource_tracker", "_pid"),
             _helper("multiprocessing.forkserver", "_forkserver", "_forkserver_pid")}
    return sorted(pid for pid in pids if pid and not _has_ended(pid))


def _helper(module, owner, name):
    """A process of multiprocessing's that serves whoever knows its descriptor."""
    return getattr(getattr(sys.modules.get(module), owner, None), name, None)


def _has_ended(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _comm(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return "?"  # it has ended
