# SPDX-License-Identifier: Apache-2.0
"""What an import has left that all workers would read from, each taking what was meant for
another, where each import would have made its own: pipes and pairs of sockets, shared
memory, locks; and timers, which a forked process has not.
"""

import fcntl
import gc
import os
import re
import select
import signal
import socket
import struct
import sys

_POLL = "anon_inode:[eventpoll]"
_ITIMERS = {signal.ITIMER_REAL: "ITIMER_REAL", signal.ITIMER_VIRTUAL: "ITIMER_VIRTUAL",
            signal.ITIMER_PROF: "ITIMER_PROF"}


def left(before, mapped, probe):
    """As findings, (kind, what). `before` and `mapped`: the descriptors and the shared
    memory before anything of the application ran."""
    new = {fd: what for fd, what in probe.descriptors().items()
           # Hooks of a library may close its own in a forked child.
           if before.get(fd) != what and (not probe.child or what in probe.child.descriptors)}
    found = [("timer", name) for which, name in _ITIMERS.items()
             if signal.getitimer(which)[0] > 0]
    found += [("timer", "of timer_create(2)")] * _posix_timers()
    holders = _holders()
    # Those of an event loop are told with it; grpc, which has epoll descriptors, too, knows
    # of forks.
    if _POLL not in new.values() or "grpc" in sys.modules:
        found += _pipes(new, holders) + _pairs(new, holders)
    found += _memory(mapped, probe)
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


def _pipes(new, holders):
    """Those that this process holds both ends of; what leads to another process is the
    child's finding."""
    ends = {}
    for fd, what in new.items():
        if not what.startswith("pipe:"):
            continue
        try:
            mode = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE
        except OSError:
            continue  # closed meanwhile
        ends.setdefault(what, {})[mode] = fd
    pairs = [(pair[os.O_RDONLY], pair[os.O_WRONLY]) for pair in ends.values() if len(pair) == 2]
    return [("pipe", holders.get(reader) or f"with descriptors {reader} and {writer}")
            for reader, writer in pairs]


def _pairs(new, holders):
    """Of socketpair(2), once for both. Those that no object of Python's holds are some
    library's own."""
    fds = [fd for fd, what in sorted(new.items())
           if what.startswith("socket:") and fd in holders and _is_of_a_pair(fd)]
    known = [holders[fd] for fd in fds]
    return [("pair", known[number] or f"with descriptor {fds[number]}")
            for number in range(0, len(fds), 2)]


def _is_of_a_pair(fd):
    try:
        with socket.socket(fileno=os.dup(fd)) as one:
            other_end = select.poll()
            other_end.register(one, 0)
            if other_end.poll(0):
                return False  # is closed
            if one.family != socket.AF_UNIX or one.getpeername() or one.getsockname():
                return False
            credentials = one.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    except OSError:  # closed, or not connected
        return False
    return struct.unpack("=iii", credentials)[0] == os.getpid()


def _holders():
    """{descriptor: who reads from it}: of multiprocessing a queue rather than its
    connection; "" for a plain socket."""
    connections = sys.modules.get("multiprocessing.connection")
    queues = sys.modules.get("multiprocessing.queues")
    kinds = (queues.Queue, queues.SimpleQueue) if queues else ()
    found, of_queues = {}, {}
    for one in gc.get_objects():
        if issubclass(type(one), socket.socket):
            found[socket.socket.fileno(one)] = ""
        elif issubclass(type(one), kinds):
            of_queues[one._reader._handle] = next(
                f"of {kind.__module__}.{kind.__qualname__}"
                for kind in type(one).__mro__ if kind in kinds)
        elif connections and type(one) is connections.Connection:
            found[one._handle] = "of multiprocessing.connection.Connection"
    return found | of_queues


def _memory(mapped, probe):
    """What has a name in /dev/shm is shared by all imports that know the name, unless it was
    named at random."""
    sizes, locks = [], False
    for (*_, path), size in probe.shared_memory().items() - mapped.items():
        name, deleted, _ = path.partition(" (deleted)")
        if name.startswith("/dev/shm/sem."):
            locks |= bool(deleted) or name.startswith("/dev/shm/sem.mp-")
        elif deleted or _was_named_at_random(name):
            sizes.append(size)
    found = [("memory", f"{sum(sizes) // 1024} KiB")] if sizes else []
    return found + ([("shared lock", _kinds_of_locks())] if locks else [])


def _was_named_at_random(path):
    """By multiprocessing.shared_memory; and no other import would have been let have it."""
    return os.path.basename(path).startswith("psm_")


def _kinds_of_locks():
    names = {type(one).__name__ for one in gc.get_objects()
             if getattr(type(one), "__module__", "") in ("multiprocessing.synchronize", "billiard.synchronize")
             and hasattr(type(one), "_make_name")}
    return f"({', '.join(sorted(names)) or 'a semaphore'})"
