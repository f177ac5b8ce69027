# SPDX-License-Identifier: Apache-2.0
"""Collects what a server says, so that a test can wait for it instead of sleeping.

One thread reads the server's standard output, its log (stderr), its messages to
systemd and its end (a pidfd). Everything that arrives wakes up whoever waits.
"""

import os
import select
import socket
import threading
import time


class Waited(AssertionError):
    """What was waited for did not come; the server is broken, or the test is."""


class Watch:
    # Some facts (what is in /proc) change without an event: they are looked at again
    # after this long, in seconds.
    _LOOK_AGAIN = 0.02

    def __init__(self):
        self._changed = threading.Condition()
        self._poll = select.poll()
        self._sources = {}
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._poll.register(self._wake_read, select.POLLIN)
        self._running = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def add(self, fd, take):
        """Calls take() in the watching thread when fd is readable, until it says False."""
        self._sources[fd] = take
        self._poll.register(fd, select.POLLIN)
        os.write(self._wake_write, b"x")

    def remove(self, fd):
        if self._sources.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def close(self):
        self._running = False
        os.write(self._wake_write, b"x")
        self._thread.join()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def wait(self, predicate, what, timeout=10.0, give_up=None):
        """Returns the first true answer of predicate(). `give_up()` names a reason to
        stop waiting early, such as the end of the server."""
        end = time.monotonic() + timeout
        with self._changed:
            while True:
                # Asked for first: what came before the end of the server counts.
                reason = give_up() if give_up else None
                answer = predicate()
                if answer:
                    return answer
                if reason:
                    raise Waited(f"waited for {what}: {reason}")
                left = end - time.monotonic()
                if left <= 0:
                    raise Waited(f"waited {timeout:g} s in vain for {what}")
                self._changed.wait(min(left, self._LOOK_AGAIN))

    def _run(self):
        while self._running:
            for fd, _ in self._poll.poll():
                if fd == self._wake_read:
                    try:
                        os.read(self._wake_read, 4096)
                    except BlockingIOError:
                        pass
                    continue
                take = self._sources.get(fd)
                with self._changed:
                    if take is not None and take() is False:
                        self.remove(fd)
                    self._changed.notify_all()


class Lines:
    """The lines that came out of a pipe. `lines` only grows."""

    def __init__(self, watch, fd):
        self.fd = fd
        self.lines = []
        self.closed = False
        self._rest = b""
        os.set_blocking(fd, False)
        watch.add(fd, self._take)

    def text(self):
        return "\n".join(self.lines)

    def read_up(self):
        """True when nothing waits in the pipe."""
        if self.closed:
            return True
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        return not poll.poll(0)

    def _take(self):
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            return True
        if not data:
            self.closed = True
            return False
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.lines += [line.decode("utf-8", "backslashreplace") for line in lines]
        return True


class NotifySocket:
    """systemd's end of $NOTIFY_SOCKET. `messages` holds dictionaries, in order."""

    def __init__(self, watch, path):
        self.path = path
        self.messages = []
        self.times = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.bind(path)
        os.chmod(path, 0o666)
        self._socket.setblocking(False)
        self._watch = watch
        watch.add(self._socket.fileno(), self._take)

    def close(self):
        self._watch.remove(self._socket.fileno())
        self._socket.close()

    def has(self, key, value="1", after=0):
        return any(m.get(key) == value for m in self.messages[after:])

    def keys(self):
        """The order of things: every key but STATUS and WATCHDOG, one after the other."""
        quiet = ("STATUS", "WATCHDOG", "EXTEND_TIMEOUT_USEC", "MONOTONIC_USEC")
        return [key for m in self.messages for key in m if key not in quiet]

    def status(self):
        return next((m["STATUS"] for m in reversed(self.messages) if "STATUS" in m), "")

    def _take(self):
        try:
            data = self._socket.recv(65536)
        except BlockingIOError:
            return True
        fields = (line.split("=", 1) for line in data.decode().splitlines() if "=" in line)
        self.messages.append(dict(fields))
        self.times.append(time.monotonic())
        return True
