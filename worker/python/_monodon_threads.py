# SPDX-License-Identifier: Apache-2.0
"""The threads that the import has left and that no worker would have: those that a forked
child does not revive, and whose library does not know of forks.
"""

import collections
import re
import sys
import time

# Packages that see that they are in another process and start anew there, when they are
# used next; and how they name threads that Python does not know.
_AWARE = {
    "ddtrace": ("tokio-rt-worker",),
    "grpc": ("grpc", "event_engine", "lifeguard", "default-executo", "resolver-execut",
             "timer_manager"),
    "pymongo": (),
}
_LONGEST = 15  # characters that the kernel keeps of a name
_SETTLING = 0.1  # seconds; who ends by himself within them is not counted


def lost(probe, arbiters=()):
    """As findings, (kind, what), without those that belong to Gunicorn's arbiter."""
    if not any(_settled(probe)):
        return []
    child_python, child_native, _ = probe.child or ([], [], [])
    now = probe.now()  # hooks may have ended some here, too
    for arbiter in arbiters:
        child_python = child_python + [probe.describe(one) for one in arbiter.threads]
        child_native = child_native + arbiter.native
    aware = _aware_names()
    return [("thread", name) for name in _without(now.python, child_python)
            if _package(name) not in _AWARE] + [
        ("native thread", repr(name)) for name in _without(now.native, child_native)
        if not (aware and name.startswith(aware))]


def _settled(probe):
    """The threads, once those have ended that were ending."""
    end = time.monotonic() + _SETTLING
    while any((threads := probe.now()[:2])) and time.monotonic() < end:
        time.sleep(0.005)
    return threads


def _aware_names():
    names = [name for package, known in _AWARE.items() if package in sys.modules
             for name in known]
    # Each is started again in the child, by its class.
    periodic = getattr(sys.modules.get("ddtrace.internal._threads"), "periodic_threads", {})
    names += [thread.name.rpartition(":")[2][:_LONGEST] for thread in list(periodic.values())]
    return tuple(filter(None, names))


def _package(thread):
    """The top-level package that the description of a thread is about."""
    about = thread.rpartition(" (")[2].rpartition(" of ")[2]
    return about.partition(".")[0]


def _without(here, there):
    """Those of `here` that are not `there`, whatever number they have by now."""
    revived = collections.Counter(re.sub(r"\d+", "", name) for name in there)
    left = []
    for name in here:
        key = re.sub(r"\d+", "", name)
        revived[key] -= 1
        if revived[key] < 0:
            left.append(name)
    return left
