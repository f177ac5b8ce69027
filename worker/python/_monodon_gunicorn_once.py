# SPDX-License-Identifier: Apache-2.0
"""What hooks that Gunicorn calls once, in its arbiter, leave in a zygote. It ends with the
zygote, so the next one calls such a hook again; where something of it still runs (a thread,
a listening socket), only when the zygote before has ended. Zygote, around such a hook.
"""

import fcntl
import os
import socket
import threading

from _monodon_runtime import beside

STARTING, RELOAD, READY = 1, 2, 4  # OnceHook of worker/wire/boot.h
HOOKS = {STARTING: "on_starting", RELOAD: "on_reload", READY: "when_ready"}


class Arbiters:
    """What belongs to Gunicorn's arbiter in this process, and not to its workers: none of
    it is a finding about the import of the application."""

    def __init__(self):
        self.threads = []
        self.native = []
        self.children = set()

    def run(self):
        """Whether threads of it need the GIL."""
        self.threads = [thread for thread in self.threads if thread.is_alive()]
        return bool(self.threads)


class Before:
    """This process before a hook. owners: what hooks keep variables in (a module, the
    stand-in for the server)."""

    def __init__(self, owners):
        self._owners = owners
        self._variables = self._kept()
        self._threads = set(threading.enumerate())
        self._native = beside("_monodon_probe").trace().native
        self._descriptors = beside("_monodon_probe").descriptors()
        self._children = set(beside("_monodon_inspection").children())

    def _kept(self):
        kept = [dict(os.environ)]
        for owner in self._owners:
            kept.append({name: (value.copy() if isinstance(value, (dict, list, set)) else id(value))
                         for name, value in vars(owner).items() if name != "_num_workers"})
        return kept

    def left(self, arbiters):
        """-> (whether anything has been left, whether something of it runs)"""
        threads = [one for one in threading.enumerate() if one not in self._threads]
        native = list(beside("_monodon_probe").trace().native)
        for name in self._native:
            if name in native:
                native.remove(name)
        new = {fd for fd, what in beside("_monodon_probe").descriptors().items()
               if self._descriptors.get(fd) != what}
        arbiters.threads += threads
        arbiters.native += native
        arbiters.children |= set(beside("_monodon_inspection").children()) - self._children
        runs = bool(threads or native) or any(map(_is_alone, new))
        return runs or self._kept() != self._variables, runs


def _is_alone(fd):
    """Another process cannot have its like at the same time: it listens, or is locked."""
    try:
        with open(f"/proc/self/fdinfo/{fd}", encoding="ascii", errors="replace") as file:
            if any(line.startswith("lock:") and "WRITE" in line for line in file):
                return True
        with socket.socket(fileno=fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)) as copy:
            return bool(copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:
        return False  # closed meanwhile, or no socket
