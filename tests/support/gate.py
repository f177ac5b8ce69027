# SPDX-License-Identifier: Apache-2.0
"""Gates: an application tells that it has arrived somewhere, and waits to be let on.

The test owns a listening socket in the scratch directory; the application connects,
says a name and blocks until the test answers (tests/apps/gates.py). So a test knows
that a request is inside the application, and holds it there for as long as it likes,
without a clock.
"""

import os
import select
import socket
import time


class Held:
    """One application that waits at a gate."""

    def __init__(self, connection, name, pid):
        self._connection = connection
        self.name = name
        self.pid = pid

    def release(self, answer="go"):
        try:
            self._connection.send(answer.encode())
        except OSError:
            pass  # its process is dead
        self._connection.close()

    def gone(self, timeout=10.0):
        """True when the process at the gate has died (its end of the socket closed)."""
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        return bool(poll.poll(timeout * 1000))


class Gates:
    def __init__(self, path):
        self.path = path
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(path)
        os.chmod(path, 0o666)
        self._listener.listen(1000)
        self._waiting = []
        self._let_in = []  # held by us as well: a Held that is forgotten stays shut
        self._open = True

    def arrived(self, name, timeout=10.0):
        """The next application at the gate `name`; waits for it."""
        end = time.monotonic() + timeout
        while True:
            for held in self._waiting:
                if held.name == name:
                    self._waiting.remove(held)
                    self._let_in.append(held)
                    return held
            self._listener.settimeout(max(end - time.monotonic(), 0.001))
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                raise AssertionError(f"nobody came to the gate {name!r}") from None
            connection.settimeout(timeout)
            said, pid = connection.recv(4096).decode().rsplit(" ", 1)
            self._waiting.append(Held(connection, said, int(pid)))

    def nobody(self):
        """True when no application has come that was not asked for."""
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        return not self._waiting and not poll.poll(0)

    def close(self):
        if self._open:
            self._open = False
            self._listener.close()
            for held in self._waiting + self._let_in:
                held.release()
