# SPDX-License-Identifier: Apache-2.0
"""An application in the hands of somebody else: it runs what is posted to it, as Python,
with everything that its worker has, and answers with what that left in `answer`.

What follows is there for such code to use.
"""

import array
import contextlib
import ctypes
import os
import signal
import socket
import struct
import subprocess

SO_LINGER_SECONDS = 3600
FRAME = struct.Struct("=IIIIq")  # worker/wire.h: kind, slot, serial, generation, value
LIBC = ctypes.CDLL(None, use_errno=True)
KEPT = []  # for as long as the worker lives


def packets():
    """Descriptors of this process: both ends of the handoff pair, the sending one first,
    then its channel to the master."""
    own = {}
    for number in sorted(int(name) for name in os.listdir("/proc/self/fd")):
        try:
            if not os.readlink(f"/proc/self/fd/{number}").startswith("socket:"):
                continue
        except OSError:
            continue  # that of the listing
        with socket.socket(fileno=os.dup(number)) as one:
            if one.type == socket.SOCK_SEQPACKET:
                room = one.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
                own[os.fstat(number).st_ino] = room, number
    lines = subprocess.run(["ss", "-xH"], capture_output=True, text=True).stdout.splitlines()
    peers = {int(line.split()[-3]): int(line.split()[-1]) for line in lines}
    pair = sorted((own[inode] for inode in own if peers[inode] in own), reverse=True)
    alone = [own[inode] for inode in own if peers[inode] not in own]
    return [number for _, number in pair + alone]


def listeners():
    """Descriptors of this process, which all processes of the site have."""
    found = []
    for number in sorted(int(name) for name in os.listdir("/proc/self/fd")):
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(number)) as one:
            if one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                found.append(number)
    return found


@contextlib.contextmanager
def stopped(pid):
    """While it cannot receive: what is sent meanwhile is in flight, and not ours any more."""
    os.kill(pid, signal.SIGSTOP)
    while True:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            if stat.read().rsplit(")", 1)[1].split()[0] == "T":
                break
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):  # it was killed meanwhile
            os.kill(pid, signal.SIGCONT)


class Bomb(socket.socket):
    """One that is for send(), while the receiver is stopped: whoever closes it last waits
    for an hour in close(2)."""

    def leave(self, sent):
        """Not to be the last: a message has it, or it is none any more."""
        if not sent and self.fileno() >= 0:
            self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


def bomb():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # The peer has room for less than what is sent, so that some of it never leaves.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        end = Bomb()
        end.connect(listener.getsockname())
        KEPT.append(listener.accept()[0])
    end.setblocking(False)
    try:
        while True:
            end.send(bytes(1 << 16))
    except BlockingIOError:
        pass
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                   struct.pack("ii", 1, SO_LINGER_SECONDS))
    return end


def disarm():
    """Whoever closes what bomb() made need not wait any more: its peers are gone."""
    while KEPT:
        KEPT.pop().close()


def send(number, data, fds=(), flags=0):
    """One message over a descriptor that others have, too: 0, or errno."""
    rights = array.array("i", [fd.fileno() for fd in fds])
    code = 0
    with socket.socket(fileno=os.dup(number)) as one:
        try:
            one.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if fds
                        else [], flags | socket.MSG_DONTWAIT)
        except OSError as error:
            code = error.errno
    for fd in fds:
        if isinstance(fd, Bomb):
            fd.leave(sent=code == 0)
    return code


def application(environ, start_response):
    names = dict(globals())
    code = environ["wsgi.input"].read().decode()
    if code:
        exec(code, names)
    said = str(names.get("answer", os.getpid())).encode()
    start_response("200 OK", [("Content-Length", str(len(said)))])
    return [said]
