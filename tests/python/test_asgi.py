# SPDX-License-Identifier: Apache-2.0
"""An ASGI application in a real worker: HTTP, as the specification has it."""

import json
import re
import socket
import sys
import threading
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent))

from support.until import until  # noqa: E402
from test_worker import worker  # noqa: E402,F401 (fixture)
from test_zygote import module, start  # noqa: E402,F401 (fixtures)

SLOW = 25
HELPERS = """
import asyncio, contextvars, json

async def answer(send, body, status=200, headers=()):
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})

"""


@pytest.fixture
def serve(worker):  # noqa: F811
    """A worker with an application, of which `text` is the part that answers."""

    def make(text, **changes):
        return worker(HELPERS + text, **{"interface": "asgi", "lifespan": "off"} | changes)

    return make


def connect(w):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(20)
    client.connect(w.zygote.address)
    return client


def ask(client, path="/", more=b"", method=b"GET"):
    client.sendall(method + b" " + path.encode() + b" HTTP/1.1\r\nHost: a.b\r\n" + more + b"\r\n")


def read_answer(client):
    """(head, body) of one answer whose length is known or that is chunked."""
    file = client.makefile("rb")
    head = b"".join(iter(file.readline, b"\r\n"))
    if length := re.search(rb"(?i)content-length: (\d+)", head):
        return head, file.read(int(length[1]))
    body = b""
    while size := int(file.readline(), 16):
        body += file.read(size)
        file.readline()
    file.readline()
    return head, body


def test_the_scope_says_everything_about_a_request(serve):
    w = serve("""
async def application(scope, receive, send):
    await answer(send, repr({k: v for k, v in scope.items()}).encode())
""")
    with connect(w) as client:
        ask(client, "/a%20b/%C3%BC?x=%20y", b"X-One: 1\r\nX-ONE: two\r\nCookie: a=b\r\n")
        scope = eval(read_answer(client)[1])  # noqa: S307 (our own repr)
    assert scope["type"] == "http"
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.5"}
    assert (scope["http_version"], scope["method"], scope["scheme"]) == ("1.1", "GET", "http")
    assert scope["path"] == "/a b/ü"
    assert (scope["raw_path"], scope["query_string"]) == (b"/a%20b/%C3%BC", b"x=%20y")
    assert (scope["root_path"], scope["client"], scope["server"][1]) == ("", None, None)
    assert scope["headers"] == [(b"host", b"a.b"), (b"x-one", b"1"), (b"x-one", b"two"),
                                (b"cookie", b"a=b")]
    assert scope["state"] == {}
    assert set(scope["extensions"]) == {"http.response.pathsend", "http.response.early_hint"}
    assert w.drain() == 0


def test_a_scope_is_no_other_request_s(serve):
    w = serve("""
async def application(scope, receive, send):
    seen = repr(("mark" in scope, "mark" in scope["state"], len(scope["headers"]),
                 "mark" in scope["extensions"], "mark" in scope["asgi"]))
    for changed in (scope, scope["state"], scope["extensions"], scope["asgi"]):
        changed["mark"] = True
    scope["headers"].append((b"x", b"y"))
    await answer(send, seen.encode())
""")
    with connect(w) as client:
        for _ in range(3):
            ask(client)
            assert read_answer(client)[1] == b"(False, False, 1, False, False)"
    assert w.drain() == 0


def test_a_body_comes_in_pieces_and_then_receive_waits_for_the_end(serve):
    w = serve("""
async def application(scope, receive, send):
    sizes, more = [], True
    while more:
        message = await receive()
        assert message["type"] == "http.request"
        sizes.append(len(message["body"]))
        more = message["more_body"]
    later = asyncio.create_task(receive())
    await asyncio.sleep(0)
    assert not later.done()
    await answer(send, json.dumps(sizes).encode())
    assert (await later)["type"] == "http.disconnect"
    assert (await receive())["type"] == "http.disconnect"
""")
    assert w.get("/", "POST", b"x" * 150_000) == (200, b"[65536, 65536, 18928]")
    assert w.get("/") == (200, b"[0]")
    assert w.drain() == 0


def test_what_is_known_to_be_whole_has_a_length_and_the_rest_is_chunked(serve):
    w = serve("""
async def application(scope, receive, send):
    if scope["path"] == "/one":
        return await answer(send, b"whole", headers=[(b"X-A", b"1"), [b"transfer-encoding", b"chunked"]])
    await send({"type": "http.response.start", "status": 201, "headers": iter([(b"a", b"b")])})
    for part in (b"one", bytearray(b"two"), memoryview(b"three")):
        await send({"type": "http.response.body", "body": part, "more_body": True})
        await asyncio.sleep(0)
    await send({"type": "http.response.body"})
""")
    with connect(w) as client:
        ask(client, "/one")
        head, body = read_answer(client)
        assert b"Content-Length: 5\r\n" in head and b"ransfer" not in head and b"X-A: 1" in head
        assert body == b"whole"
        ask(client, "/many")
        head, body = read_answer(client)
        assert head.startswith(b"HTTP/1.1 201 Created\r\n")
        assert b"Transfer-Encoding: chunked" in head and body == b"onetwothree"
        ask(client, "/one", method=b"HEAD")
        head = b"".join(iter(client.makefile("rb").readline, b"\r\n"))
        assert b"Content-Length: 5\r\n" in head
        ask(client, "/one")
        assert read_answer(client)[1] == b"whole"
    assert w.drain() == 0


def test_requests_that_wait_do_not_keep_others_from_being_answered(serve):
    w = serve("""
event = None
async def application(scope, receive, send):
    global event
    event = event or asyncio.Event()
    if scope["path"] == "/set":
        event.set()
    else:
        await event.wait()
    await answer(send, scope["path"].encode())
""")
    waiting = [connect(w) for _ in range(50)]
    for client in waiting:
        ask(client, "/wait")
    assert w.get("/set") == (200, b"/set")
    for client in waiting:
        with client:
            assert read_answer(client)[1] == b"/wait"
    assert w.drain() == 0


def test_timers_threads_and_task_groups_work_as_in_any_loop(serve):
    w = serve("""
import time
bell = None
async def application(scope, receive, send):
    global bell
    bell = bell or asyncio.Event()
    if scope["path"] == "/ring":  # by a request that does not wait itself
        asyncio.get_running_loop().call_later(0.05, bell.set)
        return await answer(send, b"set")
    if scope["path"] == "/rung":
        await bell.wait()
        return await answer(send, b"rung")
    begun = time.monotonic()
    await asyncio.sleep(0.05)
    slept = time.monotonic() - begun
    assert 0.049 < slept < 5, slept
    assert await asyncio.to_thread(lambda: 7) == 7
    assert asyncio.current_task() in asyncio.all_tasks()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(asyncio.sleep(0.01, i)) for i in range(3)]
    assert [t.result() for t in tasks] == [0, 1, 2]
    try:
        async with asyncio.timeout(0.01):
            await receive()
            await receive()
    except TimeoutError:
        await answer(send, b"in time")
""")
    assert w.get("/") == (200, b"in time")
    with connect(w) as client:
        ask(client, "/rung")
        assert w.get("/ring") == (200, b"set")
        assert read_answer(client)[1] == b"rung"
    assert w.drain() == 0


def test_context_variables_are_of_one_request(serve):
    w = serve("""
variable = contextvars.ContextVar("variable", default="none")
async def application(scope, receive, send):
    before = variable.get()
    variable.set("set")
    if scope["path"] == "/wait":
        await asyncio.sleep(0.01)
    await answer(send, before.encode() + b" " + variable.get().encode())
""")
    for path in ("/", "/wait", "/", "/wait"):
        assert w.get(path) == (200, b"none set")
    assert w.drain() == 0


def test_a_client_that_leaves_is_told_of(serve):
    w = serve("""
told = []
async def application(scope, receive, send):
    if scope["path"] == "/told":
        while not told:
            await asyncio.sleep(0.01)
        return await answer(send, repr(told.pop()).encode())
    await receive()
    told.append((await receive())["type"])
    try:
        await answer(send, b"late")
    except OSError as error:
        told.append(str(error))
""")
    client = connect(w)
    ask(client, "/")
    client.close()
    assert w.get("/told") == (200, b"'the client is gone'")
    assert w.get("/told") == (200, b"'http.disconnect'")
    assert w.drain() == 0


@pytest.mark.parametrize("text, word", [
    ("raise ValueError('out of order')", "ValueError: out of order"),
    ("await asyncio.sleep(0); raise ValueError('out of order')", "ValueError: out of order"),
    ("pass", "did not answer"),
    ("await send({'type': 'http.response.body'})", "not started"),
    ("await send({'type': 'nonsense'})", "not started"),
    ("await send({'type': 'http.response.start'})", "KeyError"),
    ("await answer(send, 'text')", "body must be bytes"),
    ("await answer(send, b'', headers=[('a', 'b')])", "a header name must be bytes"),
    ("await answer(send, b'', headers=[(b'a', b'b\\r\\nc: d')])", "control byte"),
    ("raise SystemExit(3)", "SystemExit"),
])
def test_what_an_application_does_wrong_is_a_500_and_the_worker_goes_on(serve, capfd, text, word):
    w = serve(f"""
async def application(scope, receive, send):
    if scope["path"] == "/well":
        return await answer(send, b"well")
    {text}
""")
    assert w.get("/")[0] == 500
    assert w.get("/well") == (200, b"well")
    assert w.drain() == 0
    assert word in capfd.readouterr().err


def test_a_client_that_does_not_read_makes_send_wait_and_nobody_else(serve):
    w = serve("""
count = 0
async def application(scope, receive, send):
    global count
    if scope["path"] == "/count":
        return await answer(send, str(count).encode())
    await send({"type": "http.response.start", "status": 200})
    for count in range(1, 201):
        await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
    await send({"type": "http.response.body"})
""")
    with connect(w) as client:
        ask(client, "/")
        head = client.recv(100, socket.MSG_WAITALL)
        before, now = -1, int(w.get("/count")[1])
        while before != now:  # until it stands still
            before, now = now, int(w.get("/count")[1])
        assert 0 < now < 100
        body = head + client.makefile("rb").read1(1)
        while not body.endswith(b"\r\n0\r\n\r\n"):
            body = body[-10:] + client.recv(1 << 20)
        assert w.get("/count") == (200, b"200")
    assert w.drain() == 0


def test_a_request_past_its_deadline_costs_its_task_alone(serve, capfd):
    w = serve("""
ended = []
async def application(scope, receive, send):
    if scope["path"] == "/ended":
        return await answer(send, repr(ended).encode())
    if scope["path"] == "/stream":
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await asyncio.sleep(0.6)
        return await send({"type": "http.response.body", "body": b"b"})
    try:
        await asyncio.sleep(30)
    except asyncio.CancelledError:
        ended.append("cancelled")
        raise
""", request_timeout=300)
    with connect(w) as client, connect(w) as stream:
        ask(client, "/")
        ask(stream, "/stream")
        head, _ = read_answer(client)
        assert head.startswith(b"HTTP/1.1 504 ")
        assert client.recv(100) == b""
        # Its client hears of it first, then its task.
        until(lambda: w.get("/ended") == (200, b"['cancelled']"), "the end of the task")
        assert read_answer(stream)[1] == b"ab"  # one that has begun may last
    assert w.receive()[0] == SLOW  # where it was; it is not told that the worker is stuck
    assert w.drain() == 0
    logged = capfd.readouterr().err
    assert "its task is cancelled" in logged
    assert re.search(r"GET / .* waits here.*\n.*, in application\n.*, in sleep\n", logged)


def test_a_deadline_strikes_while_the_loop_is_blocked(serve):
    w = serve("""
import time
async def application(scope, receive, send):
    if scope["path"] == "/block":
        time.sleep(1)
    await answer(send, b"late")
""", request_timeout=200)
    with connect(w) as client:
        ask(client, "/block")
        assert read_answer(client)[0].startswith(b"HTTP/1.1 504 ")
    assert w.get("/") == (200, b"late")
    assert w.receive()[0] == SLOW
    assert w.drain() == 0


def test_a_file_is_sent_by_its_path(serve, tmp_path):
    (tmp_path / "file").write_bytes(b"0123456789" * 30_000)
    w = serve(f"""
async def application(scope, receive, send):
    await send({{"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]}})
    await send({{"type": "http.response.start", "status": 200}})
    await send({{"type": "http.response.pathsend", "path": {str(tmp_path / "file")!r}}})
""")
    with connect(w) as client:
        ask(client)
        file = client.makefile("rb")
        hint = b"".join(iter(file.readline, b"\r\n"))
        assert hint == b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n"
        head = b"".join(iter(file.readline, b"\r\n"))
        assert b"Content-Length: 300000\r\n" in head
        assert file.read(300_000) == b"0123456789" * 30_000
    assert w.drain() == 0


def test_who_asks_for_another_upgrade_is_answered_as_if_not(serve):
    w = serve("""
async def application(scope, receive, send):
    await answer(send, b"as HTTP")
""")
    with connect(w) as client:
        ask(client, more=b"Connection: Upgrade\r\nUpgrade: h2c\r\n")
        assert read_answer(client)[1] == b"as HTTP"
    assert w.get("/") == (200, b"as HTTP")
    assert w.drain() == 0
