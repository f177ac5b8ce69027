# SPDX-License-Identifier: Apache-2.0
"""server.LISTENERS and worker.sockets of Gunicorn, for hooks: where it listens, and the
socket itself in a process that has it. Zygote and worker.
"""

import os
import socket
import struct

import _monodon_gunicorn_settings as settings
from _monodon_gunicorn_standin import Missing, StandIn

_UNACKED = "8B24I"  # as far as struct tcp_info of linux/tcp.h is read
_AT = 12


def _sockets():
    """Stream sockets of this process, each as a copy that the caller closes."""
    for entry in os.listdir("/proc/self/fd"):
        try:
            if not os.readlink(f"/proc/self/fd/{entry}").startswith("socket:"):
                continue
            copy = socket.socket(fileno=os.dup(int(entry)))
        except OSError:
            continue  # closed meanwhile
        if copy.type == socket.SOCK_STREAM and copy.family != socket.AF_NETLINK:
            yield copy
        else:
            copy.close()


def _listens(one):
    return bool(one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _name(one):
    name = one.getsockname()
    return name[:2] if isinstance(name, tuple) else name


class Listener(StandIn):
    def __init__(self, address, cfg):
        super().__init__()
        self.conf = cfg
        self.cfg_addr = settings._address(address)
        self._text = address
        self._found = None  # (process, its socket)

    def _sock(self):
        if not self._found or self._found[0] != os.getpid():
            self._found = os.getpid(), self._look()
        if not self._found[1]:
            raise Missing(f"sock: the zygote has no socket of {self._text}, only the master and "
                          "the workers have; getsockname() says where it listens")
        return self._found[1]

    def _look(self):
        found = None
        for one in _sockets():
            if not found and _listens(one) and _name(one) == self.cfg_addr:
                found = one
            else:
                one.close()
        return found

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return self._sock() if name == "sock" else getattr(self._sock(), name)

    def getsockname(self):
        return self.cfg_addr

    def get_backlog(self):
        """Connections that wait, as Gunicorn asks for them; -1 of a Unix socket."""
        if isinstance(self.cfg_addr, str):
            return -1
        size = struct.calcsize(_UNACKED)
        told = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, size)
        return struct.unpack(_UNACKED, told)[_AT]

    def __str__(self):
        return self._text if self._text.startswith("unix:") else f"http://{self._text}"


def connections(listeners):
    """How many connections of these listeners this process has."""
    places = [one.cfg_addr for one in listeners]
    count = 0
    for one in _sockets():
        with one:
            try:
                one.getpeername()
                count += _name(one) in places or _on_any(_name(one), places)
            except OSError:
                pass  # it listens, or has ended
    return count


def _on_any(name, places):
    return isinstance(name, tuple) and any(
        place[0] in ("0.0.0.0", "::") and place[1] == name[1]
        for place in places if isinstance(place, tuple))
