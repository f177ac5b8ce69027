# SPDX-License-Identifier: Apache-2.0
"""An application in the hands of somebody else: it runs what is posted to it, as Python,
with everything that its worker has, and answers with what that left in `answer`.

What follows is there for such code to use.
"""

import array
import ctypes
import os
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


def bomb():
    """A descriptor whose last owner waits for an hour in close(2)."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        end = socket.socket()
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # the least there is
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
    KEPT.append(end)
    return end


def disarm():
    """Whoever closes what bomb() made need not wait any more."""
    for one in KEPT:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    while KEPT:
        KEPT.pop().close()


def send(number, data, fds=(), flags=0):
    """One message over a descriptor that others have, too: 0, or errno."""
    rights = array.array("i", [fd.fileno() for fd in fds])
    with socket.socket(fileno=os.dup(number)) as one:
        try:
            one.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if fds
                        else [], flags | socket.MSG_DONTWAIT)
        except OSError as error:
            return error.errno
    return 0


def application(environ, start_response):
    names = dict(globals())
    code = environ["wsgi.input"].read().decode()
    if code:
        exec(code, names)
    said = str(names.get("answer", os.getpid())).encode()
    start_response("200 OK", [("Content-Length", str(len(said)))])
    return [said]
