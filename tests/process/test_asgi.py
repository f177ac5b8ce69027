# SPDX-License-Identifier: Apache-2.0
"""An ASGI application under the whole server: reloads, deadlines, what is told of requests.
(What it receives and sends: tests/python/test_asgi.py.)
"""

import pytest
from support.audience import watched
from support.client import request
from support.server import Server
from support.versions import reload

SITE = """
import asyncio, hashlib, os, urllib.parse
import gates
VERSION = {version}
begun = []

async def lifespan(receive, send):
    await receive()
    begun.append(1)
    {startup}
    await receive()
    await send({{"type": "lifespan.shutdown.complete"}})

async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    assert begun
    arguments = dict(urllib.parse.parse_qsl(scope["query_string"].decode()))
    told, more = hashlib.sha1(), True
    while more:
        message = await receive()
        told.update(message["body"])
        more = message["more_body"]
    if scope["path"] == "/wait":
        await asyncio.sleep(60)
    if scope["path"] == "/thread":
        await asyncio.to_thread(gates.wait, "thread")
    if scope["path"] == "/block":
        gates.wait("block")
    if scope["path"] == "/raise":
        raise ValueError("as asked")
    await asyncio.sleep(float(arguments.get("wait", 0)))
    if scope["path"] == "/later":
        gates.wait("later")
    head = (f"{{VERSION}} {{os.getpid()}} {{scope['method']}} {{arguments.get('n')}} "
            f"{{told.hexdigest()}}\\n")
    await send({{"type": "http.response.start", "status": 200,
                "headers": [(b"content-type", b"text/plain")]}})
    await send({{"type": "http.response.body",
                "body": head.encode() + b"x" * int(arguments.get("pad", 0))}})
"""
COMPLETE = 'await send({"type": "lifespan.startup.complete"})'
FAILED = 'await send({"type": "lifespan.startup.failed", "message": "no database"})'


def write(server, version, startup=COMPLETE):
    server.write("site_code.py", SITE.format(version=version, startup=startup))


def site(**options):
    server = Server("site_code:application",
                    **options | {"config": {"interface": "asgi"} | options.get("config", {})})
    write(server, 1)
    return server


@pytest.mark.parametrize("preload", [True, False])
def test_a_reload_loses_no_request(preload):
    with site(config={"preload": preload}) as server:
        with watched(server, rate=40) as audience:
            write(server, 2)
            status, _, err = reload(server)
            assert status == 0, err
            audience.from_now(2)
        audience.judge()


def test_code_whose_startup_fails_refuses_the_reload_and_the_old_serves():
    with site(expect=["."]) as server:
        old = server.await_workers(2)
        write(server, 2, FAILED)
        status, _, err = reload(server)
        assert status == 1 and "refused" in err
        assert "lifespan startup failed: no database" in err
        assert server.serving() == old
        assert server.get("/").body.startswith(b"1 ")


def test_a_first_start_whose_startup_fails_ends_with_its_reason():
    server = site(expect=["."])
    write(server, 1, FAILED)
    server.spawn()
    server.await_log("lifespan startup failed: no database")
    server.stop()
    server.close()


def test_a_request_past_its_deadline_leaves_its_worker_to_the_others():
    with site(config={"workers": 1, "request_timeout": 0.5}, expect=["reached its deadline"]
              ) as server:
        old = server.await_workers(1)
        with server.connect() as connection:
            connection.send(request(target="/wait", x_request_id="late"))
            assert server.get("/").status == 200  # meanwhile
            assert connection.response().status == 504
        server.await_log("whose task is cancelled, waits here")
        assert server.get("/").status == 200
        assert server.serving() == old


def test_clients_of_a_blocked_loop_are_served_by_another_worker():
    with site() as server:
        connections = [server.connect() for _ in range(6)]
        for connection in connections:
            connection.get("/")
        first, *others = connections
        first.send(request(target="/block"))
        held = server.gates.arrived("block")
        blocked = str(held.pid).encode()
        for connection in others:
            assert connection.get("/").body.split()[1] != blocked
        held.release()
        assert first.response().body.split()[1] == blocked
        for connection in connections:
            connection.close()


def test_status_shows_a_request_that_waits_while_others_come_and_go():
    with site(config={"workers": 1}, expect=["as asked"]) as server:
        with server.connect() as connection:
            connection.send(request(target="/thread", x_request_id="first"))
            held = server.gates.arrived("thread")
            server.wait(lambda: "/thread" in str(server.status()), "the request in status")
            assert server.get("/").status == 200
            assert server.get("/raise").status == 500
            # The row shows whoever began last; once that one's line is written, the others.
            server.wait(lambda: "/thread" in str(server.status()), "the first one again")
            held.release()
            assert connection.response().status == 200


def test_a_connection_is_idle_once_its_response_is_out_though_the_loop_blocks_next():
    with site(config={"workers": 1, "access_log": "-"}) as server:
        with server.connect() as first, server.connect() as second:
            second.get("/")
            first.send(request(target="/later"))
            held = server.gates.arrived("later")
            second.send(request(target="/block"))  # is there when the loop goes on
            held.release()
            assert first.response().status == 200
            held = server.gates.arrived("block")
            server.wait(lambda: "GET /later" in str(server.out.lines), "its line, though blocked")
            held.release()
            assert second.response().status == 200
