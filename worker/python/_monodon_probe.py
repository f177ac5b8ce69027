# SPDX-License-Identifier: Apache-2.0
"""What a forked child of this process has of its threads and descriptors.

A child is forked to see, which runs nothing but what os.register_at_fork and
pthread_atfork(3) have registered, and which has a second for it: what revives itself there,
or is closed there, is no finding.
"""

import functools
import json
import os
import re
import select
import signal
import threading
import typing
import warnings

_PATIENCE = 1.0  # seconds, with the child
_IN_MEMORY = ("/dev/zero (deleted)", "/dev/shm/", "/SYSV00000000")  # the last: IPC_PRIVATE


class Trace(typing.NamedTuple):
    """The threads of a process but its main one: those that Python knows, described, and
    the names of the others; and what /proc calls its descriptors, those with a number of
    their own (sockets) once."""

    python: list
    native: list
    descriptors: list


def trace():
    """Of this process."""
    others = [t for t in threading.enumerate() if t is not threading.main_thread()]
    known = {t.native_id for t in others} | {os.getpid()}
    native = [_name(tid) for tid in os.listdir("/proc/self/task")
              if int(tid) not in known]
    return Trace([_describe(t) for t in others], [name for name in native if name],
                 list(descriptors().values()))


def descriptors():
    """{number: what /proc says it is} of this process, above stderr."""
    found = {}
    for entry in os.listdir("/proc/self/fd"):
        try:
            found[int(entry)] = os.readlink(f"/proc/self/fd/{entry}")
        except OSError:
            continue  # that of the listing itself
    return {fd: what for fd, what in found.items() if fd > 2}


def shared_memory():
    """{(device, inode, path): bytes} of what this process has mapped and would share with
    what it forks: memory without a file, and files in memory, but none of memfd_create(2)."""
    found = {}
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        for line in maps:
            span, rights, _, device, inode, *path = line.rstrip("\n").split(None, 5)
            if rights[3] != "s" or not path or not path[0].startswith(_IN_MEMORY):
                continue
            begin, end = (int(edge, 16) for edge in span.split("-"))
            key = (device, inode, path[0])
            found[key] = found.get(key, 0) + end - begin
    return found


def _name(tid):
    try:
        with open(f"/proc/self/task/{tid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""  # it has ended


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


class Probe:
    """Of one inspection."""

    now = staticmethod(trace)
    describe = staticmethod(_describe)
    descriptors = staticmethod(descriptors)
    shared_memory = staticmethod(shared_memory)

    @functools.cached_property
    def child(self):
        """The trace of a forked child, made when it is asked for first; None if it hangs
        or dies."""
        read_end, write_end = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there are threads is what we look at
            pid = os.fork()
        if pid == 0:
            try:
                with open(write_end, "wb", closefd=False) as out:
                    out.write(json.dumps(trace()).encode())
            finally:
                os._exit(0)
        os.close(write_end)
        try:
            return Trace(*json.loads(_read(read_end)))
        except (TypeError, ValueError):
            return None
        finally:
            os.close(read_end)
            os.kill(pid, signal.SIGKILL)
            try:
                os.waitpid(pid, 0)
            except ChildProcessError:
                pass  # a handler of the application's was quicker


def _read(pipe):
    """All that is written within the child's time."""
    text = b""
    while select.select([pipe], [], [], _PATIENCE)[0] and (more := os.read(pipe, 1 << 16)):
        text += more
    return text
