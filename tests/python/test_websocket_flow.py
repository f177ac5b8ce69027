# SPDX-License-Identifier: Apache-2.0
"""WebSockets that nobody reads, that nobody answers, that come to their end with the worker."""

import json
import os
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent))

from support.until import until  # noqa: E402
from support.websocket import BINARY, CLOSE, PING, PONG, close_payload, frame  # noqa: E402
from test_websocket import SITE, last, opened, serve  # noqa: E402,F401 (fixture)
from test_worker import worker  # noqa: E402,F401 (fixture)
from test_zygote import module, start  # noqa: E402,F401 (fixtures)


def test_a_client_that_takes_nothing_makes_send_wait_and_pings_cost_no_memory(serve):
    w = serve(SITE + """
async def http(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % sent})

sent = 0
async def socket(scope, receive, send):
    global sent
    await accept(send)
    for sent in range(400):
        await send({"type": "websocket.send", "bytes": bytes(10_000)})
    await send({"type": "websocket.close"})
""")
    with opened(w) as ws:
        before = -1
        while (now := int(w.get("/")[1])) != before:  # until it waits
            before = now
        assert 0 < now < 200, now
        # Pongs are owed meanwhile: the last one alone.
        ws.send(*[frame(PING, b"%d" % n) for n in range(3000)])
        seen = []
        while True:
            opcode, payload = ws.receive()
            seen.append((opcode, payload if opcode != BINARY else len(payload)))
            if opcode == CLOSE:
                break
    assert seen.count((BINARY, 10_000)) == 400
    pongs = [payload for opcode, payload in seen if opcode == PONG]
    assert len(pongs) < 300, len(pongs)
    assert w.drain() == 0


def test_an_application_that_receives_nothing_stops_the_reading(serve):
    w = serve(SITE + """
go = asyncio.Event()
async def http(scope, receive, send):
    go.set()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})

async def socket(scope, receive, send):
    await accept(send)
    await go.wait()
    await echo(receive, send)
""")
    with opened(w) as ws:
        ws.socket.settimeout(1)
        count = 0
        with pytest.raises(TimeoutError):
            while count < 500:
                ws.socket.sendall(frame(BINARY, bytes(100_000)))
                count += 1
        assert count < 60
        ws.socket.settimeout(20)
        rest = threading.Thread(target=w.get, args=("/",))
        rest.start()
        for _ in range(count):
            assert len(ws.heard()) == 100_000
        rest.join()


def test_pings_find_clients_that_are_gone_and_leave_the_others(serve):
    w = serve(websocket_ping_interval=300, websocket_ping_timeout=900)
    with opened(w) as answers, opened(w) as silent:
        assert silent.receive() == (PING, b"")
        for _ in range(3):
            assert answers.receive() == (PING, b"")
            answers.send(frame(PONG))
        while (heard := silent.receive()) == (PING, b""):
            pass
        assert heard == (CLOSE, close_payload(1011, b"ping timeout"))
        assert silent.file.read() == b""
        assert last(w) == [1006, ""]
        answers.say("here")
        assert answers.heard() == "here"


def test_what_came_while_the_loop_was_blocked_is_read_afterwards(serve, tmp_path):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    w = serve(SITE + f"""
async def socket(scope, receive, send):
    await accept(send)
    if scope["path"] == "/block":
        await receive()
        open({str(gate)!r}).read()
    await echo(receive, send)
""", websocket_ping_interval=0)  # no pong makes up for what is missed
    with opened(w, "/block") as blocks, opened(w) as one, opened(w) as gone:
        one.say("before")
        assert one.heard() == "before"
        blocks.say("now")
        with open(gate, "w"):  # once the application reads it
            for number in range(30):  # the keeper stands in for the loop meanwhile
                one.say(str(number))
                time.sleep(0.01)
            gone.send(frame(CLOSE, close_payload(3001)))
        assert [one.heard() for _ in range(30)] == [str(number) for number in range(30)]
        assert gone.closed() == (3001, b"")
        blocks.say("and on it goes")
        assert blocks.heard() == "and on it goes"
    assert w.drain() == 0


def test_a_worker_that_drains_closes_its_websockets_over_a_while(serve):
    w = serve(websocket_drain=1500)
    all_of_them = [opened(w) for _ in range(6)]
    for ws in all_of_them:
        ws.say("x")
        assert ws.heard() == "x"
    done = threading.Thread(target=w.drain)
    done.start()
    first, *others = all_of_them
    assert first.closed() == (1012, b"service restart")
    first.send(frame(CLOSE, close_payload(1012)))
    assert first.file.read() == b""
    others[-1].say("the last one goes on")
    assert others[-1].heard() == "the last one goes on"
    for ws in others:
        assert ws.closed() == (1012, b"service restart")
        ws.send(frame(CLOSE, close_payload(1012)))
        assert ws.file.read() == b""
    done.join(20)
    assert not done.is_alive()


def test_the_access_log_has_a_line_at_the_end(serve, tmp_path):
    log = tmp_path / "access.log"
    w = serve(access_log=str(log), access_log_format="json")
    with opened(w, "/chat") as ws:
        ws.say("four")
        ws.heard()
        ws.close(4000)
    until(lambda: log.exists() and log.read_text(), "the line")
    line = json.loads(log.read_text())
    assert (line["uri"], line["status"], line["close_code"]) == ("/chat", 101, 4000)
    assert line["bytes"] == 2 + 4 + 4  # frames: the echo, and the answer to the close
    assert w.drain() == 0
