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
        self._changes = 0
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
        while True:
            # Not under the lock: a predicate may ask the server, which may be waiting for
            # the watching thread to take what it says.
            seen = self._changes
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
            with self._changed:
                if self._changes == seen:
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
                    self._changes += 1
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
    """systemd's end of $NOTIFY_SOCKET. `messages` holds dictionaries, in order.

    `store_most`: FileDescriptorStoreMax=. What is in the store is in `stored`, as
    (name, descriptor, polled); stored_now() is what a new process is passed.
    """

    def __init__(self, watch, path, store_most=0):
        self.path = path
        self.messages = []
        self.stored = []
        self._store_most = store_most
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
        self.empty_store()

    def empty_store(self):
        """What systemd does when the service stops for good."""
        while self.stored:
            os.close(self.stored.pop()[1])

    def stored_now(self):
        """[(name, descriptor)]; a polled one whose other end is gone is dropped. As in
        systemd, all that the last process said comes before the next one's start."""
        self._watch.wait(lambda: not self._readable(), "the messages to be read")
        for entry in list(self.stored):
            poll = select.poll()
            poll.register(entry[1], 0)
            if entry[2] and poll.poll(0):
                self._take_out(entry)
        return [(name, fd) for name, fd, _ in self.stored]

    def _readable(self):
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def _take_out(self, entry):
        self.stored.remove(entry)
        os.close(entry[1])

    def _keep(self, message, fds):
        """FDSTORE=, FDSTOREREMOVE= and BARRIER= (sd_notify(3))."""
        name = message.get("FDNAME", "stored")
        if message.get("FDSTOREREMOVE") == "1":
            for entry in [e for e in self.stored if e[0] == name]:
                self._take_out(entry)
        for fd in fds:
            # Of one file: memfds, and the ends of a pair, have inodes of their own.
            same = any(os.path.sameopenfile(fd, other) for _, other, _ in self.stored)
            if (message.get("FDSTORE") == "1" and not same
                    and len(self.stored) < self._store_most):
                self.stored.append((name, fd, message.get("FDPOLL") != "0"))
            else:
                os.close(fd)

    def has(self, key, value="1", after=0):
        return any(m.get(key) == value for m in self.messages[after:])

    def keys(self):
        """The order of things: every key but STATUS and WATCHDOG, one after the other."""
        quiet = ("STATUS", "WATCHDOG", "EXTEND_TIMEOUT_USEC", "MONOTONIC_USEC", "FDSTORE",
                 "FDSTOREREMOVE", "FDNAME", "FDPOLL", "BARRIER")
        return [key for m in self.messages for key in m if key not in quiet]

    def status(self):
        return next((m["STATUS"] for m in reversed(self.messages) if "STATUS" in m), "")

    def _take(self):
        try:
            data, fds, _, _ = socket.recv_fds(self._socket, 65536, 16)
        except BlockingIOError:
            return True
        fields = (line.split("=", 1) for line in data.decode().splitlines() if "=" in line)
        self.messages.append(dict(fields))
        self._keep(self.messages[-1], fds)
        self.times.append(time.monotonic())
        return True
