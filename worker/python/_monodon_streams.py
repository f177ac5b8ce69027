# SPDX-License-Identifier: Apache-2.0
"""Standard streams that never wait for who reads them. Zygote, before the import."""

import io
import os
import socket
import stat
import sys


def take_output(stdout_too):
    """Descriptors 2 and, perhaps, 1 are the error log by now, which is a file."""
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    if stdout_too:
        sys.stdout = open(1, "w", buffering=1, closefd=False)


class _DroppingWriter(io.RawIOBase):
    """Writes to a pipe, socket or terminal, and never waits for its reader: what does
    not fit is dropped and counted, and one line says so when there is room again.
    """

    def __init__(self, fd):
        self._fd = fd
        self._mode = "wb"
        self.dropped = 0
        self._unreported = 0
        self._send = self._writer()

    def _writer(self):
        if stat.S_ISSOCK(os.fstat(self._fd).st_mode):
            own = socket.socket(fileno=os.dup(self._fd))
            flags = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
            return lambda data: own.send(data, flags)
        # O_NONBLOCK belongs to the open file, which others share: open it anew.
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY
        own = os.open(f"/proc/self/fd/{self._fd}", flags)
        return lambda data: os.write(own, data)

    def writable(self):
        return True

    def fileno(self):
        return self._fd

    def isatty(self):
        return os.isatty(self._fd)

    def write(self, data):
        size = len(data)
        try:
            if self._unreported:
                self._send(b"monodon: %d bytes dropped here\n" % self._unreported)
                self._unreported = 0
            sent = self._send(data)
        except OSError:  # full, or nobody is there
            sent = 0
        self.dropped += size - sent
        self._unreported += size - sent
        return size


def guard_standard_streams():
    """A print() must not stall a request because nobody reads the log."""
    for name, fd, errors in (("stdout", 1, "strict"), ("stderr", 2, "backslashreplace")):
        old = getattr(sys, name)
        try:
            kind = os.fstat(fd).st_mode
            if old is None or stat.S_ISREG(kind) or not (
                stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind) or os.isatty(fd)
            ):
                continue
            buffer = io.BufferedWriter(_DroppingWriter(fd))
        except OSError:
            continue  # no such descriptor, or it may not be opened again
        old.flush()
        new = io.TextIOWrapper(
            buffer, encoding=old.encoding, errors=errors, line_buffering=True
        )
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)
