# SPDX-License-Identifier: Apache-2.0
"""The threads that the import has left and that no worker would have.

What revives itself in a forked child is no finding: a child is forked to see, which runs
nothing but what os.register_at_fork and pthread_atfork(3) have registered, and which has
a second for it.
"""

import collections
import json
import os
import re
import select
import signal
import sys
import threading
import time
import typing
import warnings

# Packages that see that they are in another process and start anew there, when they are
# used next; and how they name threads that Python does not know.
_AWARE = {
    "grpc": ("grpc", "event_engine", "lifeguard", "default-executo", "resolver-execut",
             "timer_manager"),
    "pymongo": (),
}
_SETTLING = 0.1  # seconds; who ends by himself within them is not counted
_PATIENCE = 1.0  # with the child


class Trace(typing.NamedTuple):
    """The threads of a process but its main one: those that Python knows, described,
    and the names of the others."""

    python: list
    native: list


def _trace():
    others = [t for t in threading.enumerate() if t is not threading.main_thread()]
    known = {t.native_id for t in others} | {os.getpid()}
    native = [_name(tid) for tid in os.listdir("/proc/self/task")
              if int(tid) not in known]
    return Trace([_describe(t) for t in others], [name for name in native if name])


def _name(tid):
    try:
        with open(f"/proc/self/task/{tid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""  # it has ended


def _settled():
    """_trace(), once those have ended that were ending."""
    end = time.monotonic() + _SETTLING
    while any((trace := _trace())) and time.monotonic() < end:
        time.sleep(0.005)
    return trace


def _describe(thread):
    """'name' (what it runs); what it runs alone if nobody has named it."""
    function = getattr(thread, "function", None) or getattr(thread, "_target", None)
    function = getattr(function, "func", function)  # functools.partial
    kind = type(thread)
    what = f"{kind.__module__}.{kind.__qualname__}"
    if function is not None and hasattr(function, "__qualname__"):
        target = f"{function.__module__}.{function.__qualname__}"
        what = target if kind is threading.Thread else f"{kind.__name__} of {target}"
    return what if _UNNAMED.match(thread.name) else f"{thread.name!r} ({what})"


_UNNAMED = re.compile(r"(Thread|Dummy)-\d+")


def _package(thread):
    """The top-level package that a description of _describe() is about."""
    about = thread.rpartition(" (")[2].rpartition(" of ")[2]
    return about.partition(".")[0]


def lost():
    """As findings, (kind, what)."""
    if not any(_settled()):
        return []
    child = _probe() or Trace([], [])
    now = _trace()  # hooks may have ended some here, too
    aware = tuple(name for package, names in _AWARE.items() if package in sys.modules
                  for name in names)
    return [("thread", name) for name in _without(now.python, child.python)
            if _package(name) not in _AWARE] + [
        ("native thread", repr(name)) for name in _without(now.native, child.native)
        if not (aware and name.startswith(aware))]


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


def _probe():
    """The threads of a forked child that runs nothing but hooks; None if it hangs."""
    read_end, write_end = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are threads is what we look at
        pid = os.fork()
    if pid == 0:
        try:
            os.write(write_end, json.dumps(_trace()).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    try:
        if not select.select([read_end], [], [], _PATIENCE)[0]:
            return None
        return Trace(*json.loads(os.read(read_end, 1 << 20)))
    except ValueError:
        return None  # it died in a hook
    finally:
        os.close(read_end)
        os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(pid, 0)
        except ChildProcessError:
            pass  # a handler of the application's was quicker
