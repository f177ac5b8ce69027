# SPDX-License-Identifier: Apache-2.0
"""A client of WebSockets (RFC 6455) that sends exactly the frames it is told, also wrong ones."""

import base64
import hashlib
import os
import re
import struct

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Ended(Exception):
    """The connection ended where a frame was due."""


def frame(opcode, payload=b"", fin=True, rsv=0, mask=b"\x11\x22\x33\x44", size=None):
    """`mask` None: not masked. `size`: what the head says instead of the truth."""
    size = len(payload) if size is None else size
    told = size if size < 126 else 126 if size < 65536 else 127
    head = bytes([fin << 7 | rsv << 4 | opcode, (mask is not None) << 7 | told])
    head += b"" if told < 126 else struct.pack(">H" if told == 126 else ">Q", size)
    if mask is None:
        return head + payload
    whole = int.from_bytes(mask * (len(payload) // 4 + 1), "big") >> 8 * (4 - len(payload) % 4)
    return head + mask + (int.from_bytes(payload, "big") ^ whole).to_bytes(len(payload), "big")


def close_payload(code, reason=b""):
    return struct.pack(">H", code) + reason


class WebSocket:
    """On a connected socket, or the one of a Connection. After a denial `status` says so."""

    def __init__(self, sock, path="/", fields=(), early=b"", key=None):
        self.socket = sock
        key = key or base64.b64encode(os.urandom(16))
        lines = [b"GET " + path.encode() + b" HTTP/1.1", b"Host: a.b", b"Upgrade: websocket",
                 b"Connection: Upgrade", b"Sec-WebSocket-Key: " + key,
                 b"Sec-WebSocket-Version: 13", *fields]
        self.socket.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + early)
        self.file = self.socket.makefile("rb")
        self.head = b"".join(iter(self.file.readline, b"\r\n"))
        self.status = int(self.head.split()[1])
        if self.status == 101:
            told = base64.b64encode(hashlib.sha1(key + GUID).digest())
            assert b"\r\nSec-WebSocket-Accept: " + told + b"\r\n" in self.head, self.head

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def body(self):
        """Of a denial."""
        length = re.search(rb"(?i)content-length: (\d+)", self.head)
        return self.file.read(int(length[1])) if length else self.file.read()

    def send(self, *frames):
        self.socket.sendall(b"".join(frames))

    def say(self, text):
        self.send(frame(TEXT, text.encode()) if isinstance(text, str) else frame(BINARY, text))

    def receive(self):
        """(opcode, payload) of the next frame, which must be whole and not masked."""
        head = self.file.read(2)
        if len(head) < 2:
            raise Ended
        assert head[0] & 0xf0 == 0x80 and head[1] < 128, head
        size = head[1]
        if size > 125:
            size = int.from_bytes(self.file.read(2 if size == 126 else 8), "big")
        return head[0] & 0xf, self.file.read(size)

    def heard(self):
        """The next message: a str or bytes. A ping is answered."""
        opcode, payload = self.receive()
        if opcode == PING:
            self.send(frame(PONG, payload))
            return self.heard()
        assert opcode in (TEXT, BINARY), (opcode, payload)
        return payload.decode() if opcode == TEXT else payload

    def closed(self):
        """(code, reason) of the close frame that is due; the code is None without one."""
        opcode, payload = self.receive()
        assert opcode == CLOSE, (opcode, payload)
        return int.from_bytes(payload[:2], "big") if payload else None, payload[2:]

    def close(self, code=1000, reason=b""):
        """Closes, and waits for the server to do so. -> its (code, reason)."""
        self.send(frame(CLOSE, close_payload(code, reason)))
        answer = self.closed()
        assert self.file.read() == b""
        return answer
