# SPDX-License-Identifier: Apache-2.0
"""Responses, right and wrong: the path names one, the query may hold its parameters."""

import itertools
import urllib.parse

import gates


class Closing:
    """An iterable that tells when it is closed, which must be exactly once."""

    def __init__(self, items, identity):
        self._items, self._identity = iter(items), identity

    def __iter__(self):
        return self

    def __next__(self):
        item = next(self._items)
        if isinstance(item, Exception):
            raise item
        return item

    def close(self):
        gates.record("closed", self._identity)


def simple(status, headers, body):
    def answer(_environ, start_response):
        start_response(status, headers)
        return body
    return answer


def late(_environ, start_response):
    start_response("200 OK", [("Content-Length", "10")])
    yield b"12345"
    raise ValueError("in the middle")


def late_chunked(_environ, start_response):
    start_response("200 OK", [])
    yield b"12345"
    raise ValueError("in the middle")


def changed_mind(_environ, start_response):
    start_response("200 OK", [("X-First", "1")])
    try:
        raise ValueError("second thoughts")
    except ValueError:
        import sys
        start_response("500 Sorry", [("X-Second", "1")], sys.exc_info())
    return [b"changed"]


def writer(_environ, start_response):
    write = start_response("200 OK", [])
    write(b"a")
    write(b"b")
    return [b"c"]


def early(environ, start_response):
    environ["wsgi.early_hints"]([("Link", "</style.css>; rel=preload")])
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


def file(environ, start_response):
    source = open(f"{gates.DIRECTORY}/{environ['QUERY_STRING']}", "rb")
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return environ["wsgi.file_wrapper"](source, 8192)


def lingering(_environ, start_response):
    start_response("200 OK", [("Content-Length", "8000000")])
    yield b"x" * 8_000_000
    gates.wait("after")


def streamed(environ, start_response):
    start_response("200 OK", [])
    return (b"%d\n" % i for i in range(int(environ["QUERY_STRING"] or 3)))


def gated(environ, start_response):
    start_response("200 OK", [])
    yield b"first"
    gates.wait("between")
    yield b"second"


def endless(_environ, start_response):
    start_response("200 OK", [])
    return Closing((b"x" * 65536 for _ in range(4096)), "endless")


def forever(environ, start_response):
    arguments = dict(urllib.parse.parse_qsl(environ["QUERY_STRING"]))
    headers = [("Content-Length", arguments["length"])] if "length" in arguments else []
    write = start_response("200 OK", headers)
    blocks = Closing(itertools.repeat(b"12345"), "forever")
    if arguments.get("how") != "write":
        return blocks
    try:
        for block in blocks:
            write(block)
    finally:
        blocks.close()


LENGTH = [("Content-Length", "5")]
ANSWERS = {
    "/right": simple("200 OK", LENGTH, [b"hello"]),
    "/long": lambda e, s: (s("200 OK", LENGTH), (p for p in [b"hel", b"lo, wor", b"ld"]))[1],
    "/long-in-one": simple("200 OK", LENGTH, [b"hello, world"]),
    "/short": simple("200 OK", LENGTH, [b"hel"]),
    "/short-parts": simple("200 OK", LENGTH, (part for part in [b"h", b"", b"el"])),
    "/nothing": simple("200 OK", [], []),
    "/empty-parts": simple("200 OK", [], [b"", b"a", b"", b"b", b""]),
    "/no-content": simple("204 No Content", [], [b"body where none may be"]),
    "/not-modified": simple("304 Not Modified", [("ETag", '"x"')], [b"body"]),
    "/server-and-date": simple(
        "200 OK", [("Server", "mine"), ("Date", "Thu, 01 Jan 1970 00:00:00 GMT")], [b"x"]),
    "/close": simple("200 OK", [("Connection", "close")], [b"x"]),
    "/cookies": simple("200 OK", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")], [b"x"]),
    "/late": late, "/late-chunked": late_chunked, "/changed-mind": changed_mind,
    "/writer": writer, "/early": early, "/file": file, "/lingering": lingering,
    "/streamed": streamed, "/forever": forever,
    "/gated": gated, "/endless": endless,
    "/closing": lambda e, s: (s("200 OK", []), Closing([b"a", b"b"], "fine"))[1],
    "/closing-error": lambda e, s: (s("200 OK", []),
                                    Closing([b"a", ValueError("x")], "error"))[1],
    # Wrong
    "/status-crlf": simple("200 OK\r\nX-Evil: 1", [], [b"x"]),
    "/status-lf": simple("200 OK\nX-Evil: 1", [], [b"x"]),
    "/status-nul": simple("200 O\0K", [], [b"x"]),
    "/status-short": simple("20 OK", [], [b"x"]),
    "/status-word": simple("abc OK", [], [b"x"]),
    "/status-1xx": simple("101 Switching Protocols", [], []),
    "/value-crlf": simple("200 OK", [("X-A", "b\r\nX-Evil: 1")], [b"x"]),
    "/value-lf": simple("200 OK", [("X-A", "b\nX-Evil: 1")], [b"x"]),
    "/value-cr": simple("200 OK", [("X-A", "b\rX-Evil: 1")], [b"x"]),
    "/value-nul": simple("200 OK", [("X-A", "b\0c")], [b"x"]),
    "/name-crlf": simple("200 OK", [("X-A\r\nX-Evil", "1")], [b"x"]),
    "/name-space": simple("200 OK", [("X A", "1")], [b"x"]),
    "/name-colon": simple("200 OK", [("X-A:", "1")], [b"x"]),
    "/name-empty": simple("200 OK", [("", "1")], [b"x"]),
    "/length-word": simple("200 OK", [("Content-Length", "abc")], [b"x"]),
    "/length-negative": simple("200 OK", [("Content-Length", "-1")], [b"x"]),
    "/length-twice": simple("200 OK", [*LENGTH, *LENGTH], [b"hello"]),
    "/hop-transfer": simple("200 OK", [("Transfer-Encoding", "chunked")],
                            [b"1\r\nx\r\n0\r\n\r\n"]),
    "/hop-upgrade": simple("200 OK", [("Upgrade", "websocket")], [b"x"]),
    "/hop-trailer": simple("200 OK", [("Trailer", "X")], [b"x"]),
    "/not-bytes": simple("200 OK", [], ["text"]),
    "/none": simple("200 OK", [], None),
    "/not-started": lambda e, s: [b"x"],
    "/raise": lambda e, s: 1 / 0,
    "/value-not-latin": simple("200 OK", [("X-A", "\u20ac")], [b"x"]),
    "/status-not-text": lambda e, s: (s(b"200 OK", []), [b"x"])[1],
}


def application(environ, start_response):
    arguments = dict(urllib.parse.parse_qsl(environ["QUERY_STRING"]))
    if "id" in arguments:
        gates.record("start", arguments["id"])
    return ANSWERS[environ["PATH_INFO"]](environ, start_response)
