# SPDX-License-Identifier: Apache-2.0
"""A client that sends exactly the bytes it is told, and believes nothing it reads."""

import array
import fcntl
import random
import re
import select
import socket
import struct
import time

SIOCOUTQ = 0x5411

_STATUS = re.compile(rb"HTTP/1\.([01]) (\d{3}) ([\t\x20-\x7e\x80-\xff]*)")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")


class BadResponse(AssertionError):
    """The server broke the protocol."""


class Truncated(Exception):
    """The connection ended before the response did: what a client takes for a failure."""


class Response:
    def __init__(self, status, reason, version, fields):
        self.status, self.reason, self.version = status, reason, version
        self.fields = fields
        self.body = b""
        self.framing = "none"
        self.interim = []  # (status, fields) of 1xx before this one

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def header(self, name, default=None):
        values = self.all(name)
        return values[0] if values else default

    @property
    def closes(self):
        tokens = ",".join(self.all("Connection")).lower().replace(" ", "").split(",")
        return "close" in tokens or (self.version == 0 and "keep-alive" not in tokens)

    def __repr__(self):
        return f"<{self.status} {self.reason} {self.fields} {self.body[:80]!r}>"


class Connection:
    """`address`: a path or "@name" (abstract), or (host, port). Seconds bound a read."""

    def __init__(self, address, timeout=10.0, receive_buffer=None):
        if isinstance(address, tuple):
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        else:
            family = socket.AF_UNIX
            address = "\0" + address[1:] if address.startswith("@") else address
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        self.rest = b""
        self.end = None  # "eof" or "reset", once it was seen
        self.old = False  # asks as HTTP/1.0: a body may end with the connection

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Ends a TCP connection with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def finish_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    def send(self, data):
        """False when the server has closed its side: it need not take what it refused."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def send_pieces(self, pieces):
        """Sends each piece after the server has read the one before, or has answered."""
        for piece in pieces:
            if not self.send(piece):
                return
            self._taken()

    def _taken(self, timeout=5.0):
        """Waits until the peer has read all that was sent; True if it answers instead."""
        end = time.monotonic() + timeout
        left = array.array("i", [0])
        while time.monotonic() < end:
            try:
                fcntl.ioctl(self.socket, SIOCOUTQ, left)
            except OSError:
                return True
            if left[0] == 0:
                return False
            if self.readable(0.0002):
                return True
        raise BadResponse("the server reads no further and says nothing")

    def readable(self, timeout=0.0):
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        return bool(poll.poll(timeout * 1000))

    def _more(self):
        """Reads on; False at the end of the connection."""
        if self.end:
            return False
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            self.end = "reset"
            return False
        if not data:
            self.end = "eof"
            return False
        self.rest += data
        return True

    def _until(self, mark):
        while mark not in self.rest:
            if not self._more():
                raise Truncated(f"{self.end} within {self.rest[:200]!r}")
        part, _, self.rest = self.rest.partition(mark)
        return part

    def _exactly(self, count):
        pieces, have = [self.rest[:count]], min(count, len(self.rest))
        self.rest = self.rest[count:]
        while have < count:
            if not self._more():
                raise Truncated(f"{self.end} after {have} of {count} bytes of a body")
            pieces.append(self.rest[: count - have])
            self.rest = self.rest[len(pieces[-1]) :]
            have += len(pieces[-1])
        return b"".join(pieces)

    def head(self):
        text = self._until(b"\r\n\r\n")
        first, *lines = text.split(b"\r\n")
        status = _STATUS.fullmatch(first)
        if not status:
            raise BadResponse(f"status line {first!r}")
        fields = []
        for line in lines:
            field = _FIELD.fullmatch(line)
            if not field:
                raise BadResponse(f"field {line!r}")
            fields.append(tuple(part.decode("latin-1") for part in field.groups()))
        version, code, reason = status.groups()
        return Response(int(code), reason.decode("latin-1"), int(version), fields)

    def response(self, method="GET"):
        """The next final response, complete. Truncated: it was cut short."""
        interim = []
        while (answer := self.head()).status < 200:
            interim.append((answer.status, answer.fields))
        answer.interim = interim
        length, coding = answer.all("Content-Length"), answer.all("Transfer-Encoding")
        if len(length) > 1 or len(coding) > 1 or (length and coding):
            raise BadResponse(f"framing {answer.fields}")
        if method == "HEAD" or answer.status in (204, 304):
            return answer
        if coding:
            answer.framing = "chunked"
            answer.body = self._chunks(coding[0], answer)
        elif length:
            if not re.fullmatch("[0-9]+", length[0]):
                raise BadResponse(f"Content-Length {length[0]!r}")
            answer.framing = "length"
            answer.body = self._exactly(int(length[0]))
        else:
            if not answer.closes and not self.old:
                raise BadResponse(f"a body without an end: {answer.fields}")
            answer.framing = "close"
            while self._more():
                pass
            if self.end == "reset":
                raise Truncated("reset within a body that ends with the connection")
            answer.body, self.rest = self.rest, b""
        return answer

    def _chunks(self, coding, answer):
        if coding != "chunked" or answer.version == 0:
            raise BadResponse(f"Transfer-Encoding {coding!r} in HTTP/1.{answer.version}")
        body = []
        while True:
            size = self._until(b"\r\n")
            if not re.fullmatch(b"[0-9a-fA-F]+", size):
                raise BadResponse(f"chunk size {size!r}")
            if int(size, 16) == 0:
                break
            body.append(self._exactly(int(size, 16)))
            if self._exactly(2) != b"\r\n":
                raise BadResponse("chunk without CRLF")
        if self._until(b"\r\n") != b"":
            raise BadResponse("trailers")
        return b"".join(body)

    def ask(self, data, method=None):
        self.send(data)
        return self.response(method or data.split(b" ", 1)[0].decode("latin-1"))

    def get(self, target="/", **fields):
        return self.ask(request("GET", target, **fields))

    def closed(self):
        """Waits for the end: "eof", or "reset". Bytes before it are an error."""
        while not self.end:
            if self._more() or self.rest:
                raise BadResponse(f"unexpected {self.rest[:200]!r}")
        return self.end


def request(method="GET", target="/", body=None, version="1.1", **fields):
    """A well-formed request. Field names: request_id becomes Request-Id."""
    lines = [f"{method} {target} HTTP/{version}"]
    if not any(name.lower() == "host" for name in fields):
        lines.append("Host: example.test")
    lines += [f"{name.replace('_', '-').title()}: {value}" for name, value in fields.items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def pieces(data, how):
    """`data` in pieces: "whole", "lines" (after each CRLF), "bytes", or ("random", seed)."""
    if how == "whole":
        return [data]
    if how == "lines":
        return [part for part in re.split(rb"(?<=\r\n)", data) if part]
    if how == "bytes":
        return [data[i : i + 1] for i in range(len(data))]
    source = random.Random(how[1])
    cuts = sorted(source.sample(range(1, len(data)), min(len(data) - 1, source.randint(1, 12))))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)])]


FRAGMENTATIONS = ("whole", "lines", "bytes", ("random", 1), ("random", 2))
