# SPDX-License-Identifier: Apache-2.0
"""What an import has left that all workers would read from, each taking what was meant for
another, where each import would have made its own; and timers, which a forked process has
not.
"""

import fcntl
import gc
import os
import re
import signal
import sys

_POLL = "anon_inode:[eventpoll]"
_ITIMERS = {signal.ITIMER_REAL: "ITIMER_REAL", signal.ITIMER_VIRTUAL: "ITIMER_VIRTUAL",
            signal.ITIMER_PROF: "ITIMER_PROF"}


def left(before, probe):
    """As findings, (kind, what). `before`: the descriptors before anything of the
    application ran."""
    new = {fd: what for fd, what in probe.descriptors().items()
           # Hooks of a library may close its own in a forked child.
           if before.get(fd) != what and (not probe.child or what in probe.child.descriptors)}
    found = [("timer", name) for which, name in _ITIMERS.items()
             if signal.getitimer(which)[0] > 0]
    found += [("timer", "of timer_create(2)")] * _posix_timers()
    # Of a pipe that nobody is known to read from there is nothing to say.
    found += [("pipe", f"of {reader}") for fd in _own_pipes(new) if (reader := _reader(fd))]
    found += [("watch", f"descriptor {fd}") for fd, what in new.items()
              if what == "anon_inode:inotify"]
    if _POLL not in new.values():  # else it belongs to an event loop
        found += [("timer", "of timerfd_create(2)") for what in new.values()
                  if what == "anon_inode:[timerfd]"]
    return found


def _posix_timers():
    try:
        with open("/proc/self/timers", encoding="ascii", errors="replace") as file:
            return len(re.findall(r"^ID:", file.read(), re.MULTILINE))
    except OSError:  # a kernel without it
        return 0


def _own_pipes(new):
    """The ends to read from, of those that this process holds both ends of; what leads to
    another process is the child's finding."""
    ends = {}
    for fd, what in new.items():
        if not what.startswith("pipe:"):
            continue
        try:
            mode = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE
        except OSError:
            continue  # closed meanwhile
        ends.setdefault(what, {})[mode] = fd
    return [pair[os.O_RDONLY] for pair in ends.values() if len(pair) == 2]


def _reader(fd):
    """What of multiprocessing reads from it, a queue rather than its connection; "" for
    none."""
    connections = sys.modules.get("multiprocessing.connection")
    if connections is None:
        return ""
    queues = sys.modules.get("multiprocessing.queues")
    kinds = (queues.Queue, queues.SimpleQueue) if queues else ()
    found = ""
    for one in gc.get_objects():
        if issubclass(type(one), kinds) and one._reader._handle == fd:
            return next(f"{kind.__module__}.{kind.__qualname__}"
                        for kind in type(one).__mro__ if kind in kinds)
        if type(one) is connections.Connection and one._handle == fd:
            found = "multiprocessing.connection.Connection"
    return found
