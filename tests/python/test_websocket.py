# SPDX-License-Identifier: Apache-2.0
"""WebSockets of an ASGI application in a real worker: RFC 6455 over a socket, and ASGI's events."""

import json
import socket
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent))

from support.websocket import (  # noqa: E402
    BINARY, CLOSE, PING, PONG, TEXT, WebSocket, close_payload, frame)
from test_worker import worker  # noqa: E402,F401 (fixture)
from test_zygote import module, start  # noqa: E402,F401 (fixtures)

# The last disconnect is told at /last, to whoever asks over HTTP.
SITE = """
import asyncio, json
last = asyncio.Queue()

async def http(scope, receive, send):
    code, reason = await last.get()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps([code, reason]).encode()})

async def application(scope, receive, send):
    if scope["type"] == "http":
        return await http(scope, receive, send)
    assert await receive() == {"type": "websocket.connect"}
    await socket(scope, receive, send)

async def echo(receive, send):
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") == "close":
            return await send({"type": "websocket.close", "code": 4321, "reason": "asked"})
        await send(message | {"type": "websocket.send"})
    last.put_nowait((message["code"], message["reason"]))

async def accept(send, **more):
    await send({"type": "websocket.accept", **more})
"""
ECHO = SITE + """
async def socket(scope, receive, send):
    await accept(send)
    await echo(receive, send)
"""


@pytest.fixture
def serve(worker):  # noqa: F811
    def make(text=ECHO, **changes):
        return worker(text, **{"interface": "asgi", "lifespan": "off"} | changes)

    return make


def connect(w):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(20)
    client.connect(w.zygote.address)
    return client


def opened(w, path="/", fields=(), early=b""):
    return WebSocket(connect(w), path, fields, early)


def last(w):
    return json.loads(w.get("/last")[1])


def test_messages_come_back_whatever_their_size_and_kind(serve):
    w = serve()
    with opened(w) as one, opened(w) as two:
        for size in (0, 1, 125, 126, 65535, 65536, 300_000):
            for ws in (one, two):
                ws.say("ü" * size)
                ws.say(b"\xff" * size)
            for ws in (one, two):
                assert ws.heard() == "ü" * size
                assert ws.heard() == b"\xff" * size
        assert one.close(3000, "für heute".encode()) == (3000, b"")
        assert last(w) == [3000, "für heute"]
        two.say("still here")
        assert two.heard() == "still here"
    assert last(w) == [1006, ""]  # it went without a word
    assert w.drain() == 0


def test_fragments_are_one_message_also_with_control_frames_between(serve):
    w = serve()
    with opened(w) as ws:
        ws.send(frame(TEXT, b"\xc3", fin=False), frame(PING, b"now"), frame(0, b"", fin=False),
                frame(PONG), frame(0, b"\xbc!"))
        assert ws.receive() == (PONG, b"now")
        assert ws.heard() == "ü!"
        for piece in frame(BINARY, b"byte by byte"):
            ws.send(bytes([piece]))
        assert ws.heard() == b"byte by byte"
    # A connection that is full of them at once, and one that sends them with the request.
    with opened(w, early=frame(TEXT, b"early") + frame(PING)) as ws:
        assert ws.receive() == (PONG, b"")  # which nobody has to think about
        assert ws.heard() == "early"
        ws.send(*[frame(TEXT, str(n).encode()) for n in range(2000)])
        assert [ws.heard() for n in range(2000)] == [str(n) for n in range(2000)]
    assert w.drain() == 0


WRONG = {
    "not masked": (1002, frame(TEXT, b"x", mask=None)),
    "reserved bit": (1002, frame(TEXT, b"x", rsv=4)),
    "reserved opcode": (1002, frame(3, b"x")),
    "long ping": (1002, frame(PING, b"x" * 126)),
    "fragmented ping": (1002, frame(PING, fin=False)),
    "continuation of nothing": (1002, frame(0, b"x")),
    "message within a message": (1002, frame(TEXT, b"x", fin=False) + frame(TEXT, b"y")),
    "not the shortest form": (1002, b"\x81\xfe\x00\x01" + b"\0" * 5),
    "length of 64 bits": (1002, b"\x82\xff" + b"\xff" * 8 + b"\0" * 4),
    "no UTF-8": (1007, frame(TEXT, b"a\xff")),
    "a surrogate": (1007, frame(TEXT, b"\xed\xa0\x80")),
    "half a character": (1007, frame(TEXT, b"\xc3")),
    "no UTF-8, told before the end": (1007, frame(TEXT, b"\xff", fin=False)),
    "too big": (1009, frame(BINARY, b"", size=200_001)),
    "too big in pieces": (1009, frame(BINARY, b"x" * 150_000, fin=False)
                          + frame(0, b"", size=50_001)),
    "a close code of one byte": (1002, frame(CLOSE, b"\x03")),
    "a close code of nobody": (1002, frame(CLOSE, close_payload(999))),
    "1005 in a frame": (1002, frame(CLOSE, close_payload(1005))),
    "1006 in a frame": (1002, frame(CLOSE, close_payload(1006))),
    "5000 in a frame": (1002, frame(CLOSE, close_payload(5000))),
    "a reason that is no UTF-8": (1007, frame(CLOSE, close_payload(1000, b"\xff"))),
}


def test_who_breaks_a_rule_hears_which_and_the_application_too(serve):
    w = serve(websocket_max_message=200_000)
    for name, (code, sent) in WRONG.items():
        with opened(w) as ws:
            ws.say("before")
            assert ws.heard() == "before", name
            ws.send(sent)
            assert ws.closed()[0] == code, name
            assert ws.file.read() == b"", name
        assert last(w)[0] == code, name
    with opened(w) as ws:
        ws.say(b"x" * 200_000)
        assert len(ws.heard()) == 200_000
    assert w.drain() == 0


def test_every_code_of_a_close_is_answered_and_told(serve):
    w = serve()
    for code in (1000, 1001, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 4999):
        with opened(w) as ws:
            assert ws.close(code, b"bye") == (code, b"")
        assert last(w) == [code, "bye"]
    with opened(w) as ws:
        ws.send(frame(CLOSE))
        assert ws.closed() == (None, b"")
        assert ws.file.read() == b""
    assert last(w) == [1005, ""]
    with opened(w) as ws:
        ws.say("close")
        assert ws.closed() == (4321, b"asked")
        ws.send(frame(TEXT, b"too late"), frame(CLOSE, close_payload(4321)))
        assert ws.file.read() == b""
    assert w.drain() == 0


def test_the_scope_and_what_the_application_accepts(serve):
    w = serve(SITE + """
async def socket(scope, receive, send):
    await accept(send, subprotocol=scope["subprotocols"][-1],
                 headers=[(b"X-Mark", b"made here"), (b"connection", b"close")])
    await send({"type": "websocket.send", "text": repr(scope)})
    await send({"type": "websocket.close"})
""")
    with opened(w, "/a%20b?x=1", [b"Sec-WebSocket-Protocol: one, two",
                                  b"Sec-WebSocket-Protocol: three", b"Cookie: a=b"]) as ws:
        assert b"\r\nSec-WebSocket-Protocol: three\r\n" in ws.head
        assert b"\r\nX-Mark: made here\r\n" in ws.head
        assert b"close" not in ws.head
        scope = eval(ws.heard())  # noqa: S307 (our own repr)
        assert ws.closed() == (1000, b"")
    assert scope["type"] == "websocket" and scope["scheme"] == "ws"
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.5"}
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/a b", b"/a%20b", b"x=1")
    assert scope["subprotocols"] == ["one", "two", "three"]
    assert scope["http_version"] == "1.1" and "method" not in scope
    assert (b"cookie", b"a=b") in scope["headers"]
    assert scope["client"] is None and scope["state"] == {}
    assert set(scope["extensions"]) == {"websocket.http.response"}
    assert w.drain() == 0


def test_a_request_may_be_denied_or_fail_before_it_is_accepted(serve):
    w = serve(SITE + """
async def socket(scope, receive, send):
    path = scope["path"]
    if path == "/raise":
        raise ValueError("as asked")
    if path == "/answer":
        await send({"type": "websocket.http.response.start", "status": 401,
                    "headers": [(b"www-authenticate", b"Basic")]})
        await send({"type": "websocket.http.response.body", "body": b"who ", "more_body": True})
        await send({"type": "websocket.http.response.body", "body": b"are you"})
    if path == "/close":
        await send({"type": "websocket.close"})
        assert (await receive())["type"] == "websocket.disconnect"
""")
    for path, status in (("/close", 403), ("/return", 500), ("/raise", 500)):
        with opened(w, path, early=frame(TEXT, b"too early")) as ws:
            assert ws.status == status
            ws.body()
            assert ws.file.read() == b""
    with opened(w, "/answer") as ws:
        assert ws.status == 401 and b"WWW-Authenticate: Basic" in ws.head.replace(b"www-a", b"WWW-A")
        assert b"who " in ws.body()
    assert w.drain() == 0


@pytest.mark.parametrize("change, status, field", [
    ((b"GET ", b"POST "), 400, b""),
    ((b"HTTP/1.1", b"HTTP/1.0"), 400, b""),
    ((b"Version: 13", b"Version: 8"), 426, b"\r\nSec-WebSocket-Version: 13\r\n"),
    ((b"Key: ", b"Key: x"), 400, b""),
])
def test_a_handshake_that_is_none_is_refused(serve, change, status, field):
    w = serve()

    class Changed:
        def __init__(self, sock):
            self.sock = sock

        def sendall(self, data):
            assert change[0] in data
            self.sock.sendall(data.replace(*change))

        def __getattr__(self, name):
            return getattr(self.sock, name)

    with WebSocket(Changed(connect(w))) as ws:
        assert ws.status == status and field in ws.head


def test_an_application_that_raises_closes_with_1011_and_is_logged(serve, capfd):
    w = serve(SITE + """
async def socket(scope, receive, send):
    await accept(send)
    if scope["path"] == "/return":
        return
    for wrong in ({"type": "websocket.accept"}, {"type": "websocket.send"},
                  {"type": "websocket.close", "code": 999}, {"type": "http.response.start"},
                  {"type": "websocket.send", "text": b"x"}, {"type": "websocket.send", "bytes": "x"}):
        try:
            await send(wrong)
        except Exception as error:
            await send({"type": "websocket.send", "text": type(error).__name__})
    raise ValueError("as asked")
""")
    with opened(w) as ws:
        assert [ws.heard() for _ in range(6)] == [
            "RuntimeError", "KeyError", "ValueError", "RuntimeError", "TypeError", "TypeError"]
        assert ws.closed() == (1011, b"")
    with opened(w, "/return") as ws:
        assert ws.closed() == (1000, b"")
    assert w.drain() == 0
