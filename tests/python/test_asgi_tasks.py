# SPDX-License-Identifier: Apache-2.0
"""Tasks of an ASGI application beside and after its requests."""

import threading

import pytest

from test_asgi import ask, connect, read_answer, serve  # noqa: F401 (fixture)
from test_worker import worker  # noqa: F401 (fixture)
from test_zygote import module, start  # noqa: F401 (fixtures)


def test_a_worker_that_drains_finishes_what_is_in_the_air(serve):  # noqa: F811
    w = serve("""
event = None
async def application(scope, receive, send):
    global event
    event = event or asyncio.Event()
    if scope["path"] == "/set":
        event.set()
    elif scope["path"] == "/":
        await event.wait()
        await asyncio.sleep(0.2)
    await answer(send, b"finished")
""")
    with connect(w) as client:
        ask(client)
        assert w.get("/set")[0] == 200
        ended = []
        drain = threading.Thread(target=lambda: ended.append(w.drain()))
        drain.start()
        assert read_answer(client)[1] == b"finished"
        drain.join()
        assert ended == [0]


def test_a_task_factory_of_the_application_is_honoured(serve):  # noqa: F811
    w = serve("""
made = []
def factory(loop, coroutine, **options):
    made.append(coroutine.__name__)
    return asyncio.Task(coroutine, loop=loop, **options)

async def application(scope, receive, send):
    if scope["path"] == "/install":
        asyncio.get_running_loop().set_task_factory(factory)
    await answer(send, repr(made).encode())
""")
    assert w.get("/install") == (200, b"[]")
    assert w.get("/") == (200, b"['application']")
    assert w.drain() == 0


def test_a_background_task_keeps_neither_its_connection_nor_its_listeners(serve, capfd):  # noqa: F811
    w = serve("""
begun = None
async def application(scope, receive, send):
    global begun
    begun = begun or asyncio.Event()
    if scope["path"] == "/go-on":
        begun.set()
        return await answer(send, b"told")
    if scope["path"] == "/waits-first":
        await asyncio.sleep(0.01)
    await receive()
    listener = asyncio.create_task(receive())
    await asyncio.sleep(0)
    await answer(send, b"answered")
    assert (await listener)["type"] == "http.disconnect"
    await begun.wait()
    print("background task of", scope["path"], flush=True)
    if scope["path"] == "/raises":
        raise ValueError("nobody waits for this")
""")
    paths = ("/", "/waits-first", "/raises")
    with connect(w) as client:
        for path in paths:
            ask(client, path)
            assert read_answer(client)[1] == b"answered"
        ask(client, "/go-on")
        assert read_answer(client)[1] == b"told"
    assert w.drain() == 0
    told = capfd.readouterr()
    assert sorted(told.out.split("\n")[:-1]) == sorted(f"background task of {p}" for p in paths)
    assert "GET /raises (request" in told.err and "raised after its response" in told.err


def test_an_exception_after_the_response_costs_no_connection(serve, capfd):  # noqa: F811
    w = serve("""
async def application(scope, receive, send):
    await answer(send, b"it failed", 500)
    raise ValueError("for the log")
""")
    with connect(w) as client:
        for _ in range(2):
            ask(client)
            assert read_answer(client)[1] == b"it failed"
    assert w.drain() == 0
    assert "GET / (request" in (told := capfd.readouterr().err) and "for the log" in told


def test_a_worker_that_ends_waits_for_background_tasks(serve, capfd):  # noqa: F811
    w = serve("""
async def application(scope, receive, send):
    await answer(send, b"answered")
    await asyncio.sleep(0.3)
    print("finished", flush=True)
""")
    assert w.get("/") == (200, b"answered")
    assert w.drain() == 0
    assert capfd.readouterr().out == "finished\n"


def test_clients_that_leave_disturb_nobody_else(serve):  # noqa: F811
    w = serve("""
gone = 0
async def application(scope, receive, send):
    global gone
    if scope["path"] == "/gone":
        return await answer(send, str(gone).encode())
    await receive()
    number = int(scope["path"][1:])
    leaves = asyncio.ensure_future(receive())
    await asyncio.wait({leaves}, timeout=number % 5 / 1000)
    gone += leaves.done()
    await answer(send, scope["path"].encode() * number)
""")
    for _ in range(20):
        clients = [connect(w) for _ in range(20)]
        for number, client in enumerate(clients):
            ask(client, f"/{number}")
        for client in clients[::2]:
            client.close()
        for number, client in enumerate(clients[1::2]):
            with client:
                number = 2 * number + 1
                assert read_answer(client)[1] == f"/{number}".encode() * number
    assert int(w.get("/gone")[1]) > 0
    assert w.drain() == 0


@pytest.mark.parametrize("piece", [b"first", b""])
def test_what_is_sent_before_a_wait_without_a_timer_goes_out_at_once(serve, piece):  # noqa: F811
    w = serve(f"""
event = asyncio.Event()
async def application(scope, receive, send):
    if scope["path"] == "/set":
        event.set()
        return await answer(send, b"")
    await send({{"type": "http.response.start", "status": 200}})
    await send({{"type": "http.response.body", "body": {piece}, "more_body": True}})
    await event.wait()
    await send({{"type": "http.response.body", "body": b" and the rest"}})
""")
    with connect(w) as client:
        ask(client)
        begun = b""
        while not begun.endswith((b"\r\n\r\n", b"first\r\n")):
            begun += client.recv(4096)  # within its timeout
        assert begun.startswith(b"HTTP/1.1 200 ") and begun.count(b"first") == len(piece) // 5
        assert w.get("/set")[0] == 200
        file = client.makefile("rb")
        assert file.readline() == b"d\r\n" and file.readline() == b" and the rest\r\n"
    assert w.drain() == 0
