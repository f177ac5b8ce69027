# SPDX-License-Identifier: Apache-2.0
"""WebSockets under the whole server: reloads, the end, what is told of them.
(Frames and events: tests/python/test_websocket.py.)
"""

import contextlib

import pytest
from support.server import Server
from support.versions import reload
from support.websocket import CLOSE, WebSocket, close_payload, frame

SITE = """
import os, time
VERSION = {version}
{broken}
async def application(scope, receive, send):
    if scope["type"] == "http":
        await send({{"type": "http.response.start", "status": 200, "headers": []}})
        return await send({{"type": "http.response.body", "body": b"%d" % VERSION}})
    await receive()
    if scope["path"] == "/slow":
        time.sleep(0.005)  # so that a request is worth moving to another worker
    await send({{"type": "websocket.accept"}})
    while (message := await receive())["type"] == "websocket.receive":
        await send({{"type": "websocket.send",
                    "text": f"{{VERSION}} {{os.getpid()}} {{message['text']}}"}})
"""


def write(server, version, broken=""):
    server.write("site_code.py", SITE.format(version=version, broken=broken))


def site(**options):
    config = {"interface": "asgi", "lifespan": "off", "websocket_drain": 1}
    server = Server("site_code:application",
                    **options | {"config": config | options.get("config", {})})
    write(server, 1)
    return server


def opened(server, path="/"):
    return WebSocket(server.connect().socket, path)


def say(ws, text):
    ws.say(text)
    version, pid, back = ws.heard().split(" ", 2)
    assert back == text
    return int(version), int(pid)


def restarted(ws):
    """It is told to come back, and goes."""
    assert ws.closed() == (1012, b"service restart")
    with contextlib.suppress(BrokenPipeError):  # it waits two seconds for that, not more
        ws.send(frame(CLOSE, close_payload(1012)))
    assert ws.file.read() == b""


def test_a_reload_asks_every_websocket_to_come_back_and_the_new_code_answers():
    with site(config={"workers": 2}) as server:
        sockets = [opened(server) for _ in range(8)]
        for ws in sockets:
            assert say(ws, "before")[0] == 1
        workers = [slot["worker"] for slot in server.status()["slots"] if slot["worker"]]
        assert sum(worker["open_websockets"] for worker in workers) == 8
        write(server, 2)
        status, _, err = reload(server)
        assert status == 0, err
        for ws in sockets:
            restarted(ws)
        with opened(server) as ws:
            assert say(ws, "after")[0] == 2
            ws.close()


def test_many_that_speak_at_once_are_all_heard_by_their_own_worker():
    # Other connections may move to an idle worker then.
    with site(config={"workers": 2}) as server:
        sockets = [opened(server, "/slow") for _ in range(20)]
        for number in range(20):
            for ws in sockets:
                ws.say(str(number))
            assert {ws.heard().split()[2] for ws in sockets} == {str(number)}
        for ws in sockets:
            ws.close()


def test_a_reload_that_is_refused_closes_nothing():
    with site(expect=["as asked", "generation 1 serves on"]) as server:
        with opened(server) as ws:
            was = say(ws, "before")
            write(server, 2, "raise ValueError('as asked')")
            assert reload(server)[0] == 1
            assert say(ws, "after") == was
            ws.close()


def test_a_server_that_stops_says_so_and_does_not_wait_for_the_clients():
    with site(config={"workers": 1}) as server:
        polite, silent = opened(server), opened(server)
        say(polite, "x"), say(silent, "x")
        server.send_signal(15)
        restarted(polite)
        assert silent.closed() == (1012, b"service restart")
        assert server.await_exit(15) == 0  # though that one answers nothing


def test_max_requests_counts_websockets_and_replaces_their_worker():
    with site(config={"workers": 1, "max_requests": 3}) as server:
        sockets = [opened(server) for _ in range(3)]
        for ws in sockets:
            restarted(ws)
        with opened(server) as ws:
            say(ws, "served by the next")
            ws.close()


@pytest.mark.parametrize("kept", [True, False])
def test_a_request_timeout_ends_a_handshake_and_no_websocket(kept):
    with site(config={"workers": 1, "request_timeout": 0.3}, expect=["deadline"]) as server:
        if kept:
            with opened(server) as ws:
                was = say(ws, "before")
                server.wait(lambda: server.status()["slots"][0]["age"] > 1, "time to pass")
                assert say(ws, "after") == was
                ws.close()
                return
        server.write("site_code.py", "import asyncio\nasync def application(*_):\n"
                                     "    await asyncio.sleep(60)\n")
        assert reload(server)[0] == 0
        with opened(server) as ws:
            assert ws.status == 504
