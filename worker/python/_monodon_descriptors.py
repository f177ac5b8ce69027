# SPDX-License-Identifier: Apache-2.0
"""What an import has left open: descriptors that workers would share, and who holds a
socket.
"""

import fcntl
import gc
import os
import socket
import stat
import struct
import sys

# They see that they are in another process and connect anew there.
_AWARE = {"pymongo", "redis"}
# They never read from the datagram socket that they send by.
_SENDERS = {"datadog", "ddtrace", "statsd"}
_POLL = "anon_inode:[eventpoll]"
_DRIVERS = {"psycopg2", "psycopg", "psycopg_c", "psycopg_binary", "MySQLdb"}


def left(before, probe):
    """As findings, (kind, what). `before`: the descriptors before anything of the
    application ran."""
    found, polls = [], 0
    for fd, what in sorted(probe.descriptors().items()):
        if before.get(fd) == what:
            continue
        try:
            if what.startswith("socket:"):
                found += [one for one in _socket(fd) if _stays(what, probe)]
            elif what == _POLL:
                polls += 1
            elif stat.S_ISREG(os.fstat(fd).st_mode):
                found += _file(fd, what)
        except OSError:
            continue  # closed meanwhile
    return found + _event_loops(polls, probe)


def _stays(what, probe):
    """Hooks of a library may close its sockets in a forked child, or before the fork."""
    return probe.child is None or what in probe.child.descriptors


def _socket(fd):
    with socket.socket(fileno=os.dup(fd)) as copy:
        if copy.type not in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
            return [one for one in _receiver(copy) if not _only_sends(fd)]
        if copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return [("listener", _address(copy.getsockname()))]
        try:
            peer = copy.getpeername()
        except OSError:
            return []  # not connected
        if copy.family == socket.AF_UNIX and not peer and _is_own_pair(copy):
            return []  # of this process with itself: _monodon_shared.py looks at these
    owner = _owner(fd)
    if _first(owner) in _AWARE:
        return []
    return [("connection", _address(peer) + (f" ({owner})" if owner else ""))]


def _receiver(datagrams):
    """A datagram is whole, whoever sends it. Who can be answered has a name (if only by its
    first sendto(2)) that each import would have had for itself."""
    name = datagrams.getsockname()
    if datagrams.family == socket.AF_NETLINK:
        return [("receiver", "netlink")] if name[0] else []
    if datagrams.family == socket.AF_UNIX:
        return [("receiver", _address(name))] if name else []
    return [("receiver", _address(name))] if isinstance(name, tuple) and name[1:] and name[1] else []


def _only_sends(fd):
    """What logging and metrics send by."""
    handlers = getattr(sys.modules.get("logging"), "_handlerList", ())
    held = [one for reference in list(handlers) if (handler := reference()) is not None
            for one in list(getattr(handler, "__dict__", {}).values())
            if issubclass(type(one), socket.socket)]
    return any(socket.socket.fileno(one) == fd for one in held) or (
        _first(_owner(fd)) in _SENDERS)


def _is_own_pair(connected):
    credentials = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return struct.unpack("=iii", credentials)[0] == os.getpid()


def _address(peer):
    if isinstance(peer, tuple):
        host, port = peer[:2]
        return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
    if isinstance(peer, bytes):  # abstract
        return "@" + peer[1:].decode(errors="replace")
    return peer or "an unnamed socket"


def _file(fd, path):
    # Memory that is shared on purpose; prometheus_client's files are append-only.
    if path.startswith(("/memfd:", "/dev/shm/")):
        return []
    with open(f"/proc/self/fdinfo/{fd}", encoding="ascii", errors="replace") as file:
        about = file.read()
    locks = [line for line in about.splitlines() if line.startswith("lock:")]
    if any("WRITE" in line for line in locks):
        return [("lock", path)]
    if locks:
        return []  # open for its shared lock, which several may hold, and not to be read
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    mode = flags & os.O_ACCMODE
    if mode == os.O_RDONLY:
        return [] if _is_mapped(path) else [("read file", path)]
    if _is_compressed(fd):
        return [("compressed file", path)]
    if mode == os.O_WRONLY or flags & os.O_APPEND:
        return []  # a log: what several append, or write one after the other
    return [("file", path)]


def _is_compressed(fd):
    """What is written there depends on what was written before, in this process."""
    kinds = tuple(getattr(sys.modules.get(module), name, ()) for module, name in (
        ("gzip", "GzipFile"), ("bz2", "BZ2File"), ("lzma", "LZMAFile")))
    archives = getattr(sys.modules.get("zipfile"), "ZipFile", ())
    return any(issubclass(type(one), kinds) and _fileno(one) == fd
               or issubclass(type(one), archives) and _fileno(one.fp) == fd
               for one in gc.get_objects())


def _is_mapped(path):
    """Who maps a file keeps it open, and never reads from a position."""
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        return any(line.rstrip("\n").endswith(" " + path) for line in maps)


def _event_loops(polls, probe):
    """polls: how many epoll descriptors there are; every event loop has one."""
    if polls and probe.child is not None:
        polls = min(polls, probe.child.descriptors.count(_POLL))
    if not polls:
        return []
    loops = []
    if asyncio := sys.modules.get("asyncio"):
        loops = [f"{type(o).__module__.partition('.')[0]} ({type(o).__name__})"
                 for o in gc.get_objects()
                 if issubclass(type(o), asyncio.AbstractEventLoop) and not o.is_closed()]
    if "grpc" not in sys.modules:
        loops += ["a library"] * (polls - len(loops))
    return [("event loop", what) for what in loops]


# Who holds a socket

def _owner(fd):
    """The package whose object holds the socket, where Python knows; "" elsewhere."""
    held = _object_of(fd)
    if held is None:
        return ""
    return _package_of(held) or _holder(held)


def _object_of(fd):
    for one in gc.get_objects():
        if issubclass(type(one), socket.socket):
            if socket.socket.fileno(one) == fd:
                return one
        elif _top(type(one)) in _DRIVERS and _fileno(one) == fd:
            return one
    return None


def _fileno(one):
    try:
        return one.fileno()
    except Exception:  # closed, or no connection at all
        return -1


def _holder(held):
    """Who refers to it, however indirectly, leaving out the standard library."""
    seen, level = {id(held)}, [held]
    for _ in range(6):
        found = gc.get_referrers(*level)
        seen |= {id(level), id(found)}
        level = [one for one in found
                 if id(one) not in seen and type(one).__name__ != "frame"]
        for one in level:
            if package := _package_of(one):
                return package
        seen |= {id(one) for one in level}
        if not level or len(level) > 500:
            break
    return ""


def _package_of(one):
    """Of the globals of a module its whole name, of other objects the package."""
    if isinstance(one, dict):
        name = one.get("__name__") if "__spec__" in one else ""
    else:
        name = _top(type(one))
    package = _first(name)
    standard = package in sys.stdlib_module_names or package.startswith("_monodon")
    return "" if standard or not package else name


def _top(kind):
    return _first(getattr(kind, "__module__", ""))


def _first(name):
    return name.partition(".")[0] if isinstance(name, str) else ""
