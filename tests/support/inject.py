# SPDX-License-Identifier: Apache-2.0
"""The test's side of inject.c: arms the failure of one system call, and reads what came;
or counts all calls."""

import errno
import mmap
import os
import struct

from . import paths

MASTER, ZYGOTE, WORKER = 1, 2, 4
ROLES = {"master": MASTER, "zygote": ZYGOTE, "worker": WORKER}

# struct Page of inject.c: offsets and formats.
_ARMED, _ROLE, _CALL, _K, _ERROR, _COUNT, _FIRED, _SEEN = 0, 4, 8, 32, 40, 48, 56, 64
_IDLE, _FAIL, _CENSUS = 0, 1, 2
# kNames of inject.c.
_NAMES = ("fork", "accept4", "open", "openat", "read", "write", "pwrite", "pread", "writev",
          "send", "recv", "sendmsg", "recvmsg", "sendfile", "mmap", "epoll_ctl",
          "epoll_create1", "ftruncate", "memfd_create", "socketpair", "pidfd_open")

# What each call may plausibly say, on a machine that is short of something.
PLAUSIBLE = {
    "fork": ("EAGAIN", "ENOMEM"),
    "accept4": ("EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "ECONNABORTED", "EINTR", "EPROTO"),
    "open": ("EMFILE", "ENFILE", "ENOMEM", "EACCES", "ENOSPC", "EINTR"),
    "openat": ("EMFILE", "ENOMEM", "EACCES"),
    "read": ("EINTR", "EIO", "ECONNRESET", "EAGAIN"),
    "write": ("EINTR", "EIO", "ENOSPC", "EPIPE", "EAGAIN"),
    "pwrite": ("EINTR", "EIO", "ENOSPC", "EDQUOT"),
    "pread": ("EINTR", "EIO"),
    "writev": ("EINTR", "EAGAIN", "EPIPE", "ECONNRESET", "ENOBUFS"),
    "send": ("EINTR", "EAGAIN", "EPIPE", "ECONNRESET", "ENOBUFS"),
    # No EAGAIN: where something is to be read the kernel never says so, and who waits
    # for an edge (epoll(7)) waits for the next one.
    "recv": ("EINTR", "ECONNRESET"),
    "sendmsg": ("EINTR", "EAGAIN", "ENOBUFS", "ENOMEM", "ETOOMANYREFS"),
    "recvmsg": ("EINTR", "EAGAIN", "EMFILE", "ENOMEM"),
    "sendfile": ("EINTR", "EIO", "EPIPE"),
    "mmap": ("ENOMEM", "EMFILE", "EAGAIN"),
    "epoll_ctl": ("ENOMEM", "ENOSPC"),
    "epoll_create1": ("EMFILE", "ENOMEM"),
    "memfd_create": ("EMFILE", "ENFILE", "ENOMEM"),
    "ftruncate": ("EINTR", "ENOMEM"),
    "socketpair": ("EMFILE", "ENFILE", "ENOMEM"),
    "pidfd_open": ("EMFILE", "ENFILE", "ENOMEM"),
}


class Injector:
    def __init__(self, path):
        self._path = path
        with open(path, "wb") as file:
            file.write(b"\0" * mmap.PAGESIZE)
        os.chmod(path, 0o666)
        with open(path, "r+b") as file:
            self._page = mmap.mmap(file.fileno(), mmap.PAGESIZE)

    def environment(self):
        # The run-time library of a sanitizer must come first.
        before = os.environ.get("MONODON_TEST_PRELOAD", "").split()
        return {"LD_PRELOAD": ":".join([*before, str(paths.INJECT)]),
                "INJECT_PAGE": self._path}

    def arm(self, role, call, k, error):
        """The k-th `call` from now on fails with `error` in a process of that role."""
        self.disarm()
        struct.pack_into("=I24sQi", self._page, _ROLE, ROLES[role], call.encode(), k,
                         getattr(errno, error))
        struct.pack_into("=QI", self._page, _COUNT, 0, 0)
        struct.pack_into("=I", self._page, _ARMED, _FAIL)

    def disarm(self):
        struct.pack_into("=I", self._page, _ARMED, _IDLE)

    def count_calls(self):
        """From now on: nothing fails, everything is counted."""
        struct.pack_into(f"={3 * len(_NAMES)}Q", self._page, _SEEN, *[0] * 3 * len(_NAMES))
        struct.pack_into("=I", self._page, _ARMED, _CENSUS)

    def counted(self):
        """{(role, call): how often}, of what was called at all."""
        seen = struct.unpack_from(f"={3 * len(_NAMES)}Q", self._page, _SEEN)
        pairs = [(role, call) for role in ROLES for call in _NAMES]
        return {pair: count for pair, count in zip(pairs, seen) if count}

    @property
    def count(self):
        return struct.unpack_from("=Q", self._page, _COUNT)[0]

    @property
    def fired(self):
        """Pid of the process in which the call failed; 0: it has not come to that yet."""
        return struct.unpack_from("=I", self._page, _FIRED)[0]

    def close(self):
        self._page.close()
