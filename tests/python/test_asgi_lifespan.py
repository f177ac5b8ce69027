# SPDX-License-Identifier: Apache-2.0
"""Start and end of a worker with an ASGI application, and which interface one has."""

import functools

import pytest

from test_asgi import HELPERS, serve  # noqa: F401 (fixture)
from test_worker import READY, worker  # noqa: F401 (fixture)
from test_zygote import PYTHON, module, start  # noqa: F401 (fixtures)

LIFESPAN = HELPERS + """
log = []
async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        assert (await receive())["type"] == "lifespan.startup"
        scope["state"]["begun"] = ["at start"]
        STARTUP
        assert (await receive())["type"] == "lifespan.shutdown"
        print("shut down after", len(log), flush=True)
        return await send({"type": "lifespan.shutdown.complete"})
    log.append(1)
    await answer(send, repr(scope["state"]).encode())
"""


def test_a_lifespan_begins_before_the_first_request_and_ends_after_the_last(worker, capfd):  # noqa: F811
    complete = 'await send({"type": "lifespan.startup.complete"})'
    w = worker(LIFESPAN.replace("STARTUP", complete), interface="asgi")
    assert w.get("/") == (200, b"{'begun': ['at start']}")
    assert w.get("/")[0] == 200
    assert w.drain() == 0
    assert "shut down after 2\n" in capfd.readouterr().out


@pytest.mark.parametrize("startup, mode, reason", [
    ('await send({"type": "lifespan.startup.failed", "message": "no database"})', "auto",
     "the application's lifespan startup failed: no database"),
    ("raise ConnectionError('no database')", "auto", "ConnectionError: no database"),
    ("raise ConnectionError('no database')", "on", "ConnectionError: no database"),
    ("return", "on", "without an answer to startup"),
])
def test_a_worker_whose_startup_fails_does_not_serve(start, module, startup, mode, reason):  # noqa: F811
    zygote = start(PYTHON)
    zygote.boot(**module(LIFESPAN.replace("STARTUP", startup), interface="asgi", lifespan=mode,
                         learned_imports="off"))
    zygote.receive()
    channel = zygote.fork(0, 1)
    zygote.receive()
    kind, _, _, _, text = zygote.receive_from(channel)
    assert kind != READY
    assert reason in text


@pytest.mark.parametrize("mode, first", [("auto", 'assert scope["type"] == "http"'),
                                         ("off", 'assert scope["type"] == "http"')])
def test_an_application_without_a_lifespan_is_served_without_a_word(  # noqa: F811
        serve, mode, first, capfd):
    w = serve(f"""
async def application(scope, receive, send):
    {first}
    await answer(send, b"served")
""", lifespan=mode)
    assert w.get("/") == (200, b"served")
    assert w.drain() == 0
    assert "lifespan" not in capfd.readouterr().err


def load_failure(start, module, text, **settings):  # noqa: F811
    zygote = start(PYTHON)
    zygote.boot(**module(text, **settings))
    return zygote.receive()[4]


def test_an_application_of_the_other_interface_is_refused(start, module):  # noqa: F811
    wsgi = "def application(environ, start_response):\n    return []\n"
    asgi = "async def application(scope, receive, send):\n    pass\n"
    refused = functools.partial(load_failure, start, module)
    assert "is a WSGI application" in refused(wsgi, interface="asgi")
    for interface in ("wsgi", "auto"):
        assert "interface: asgi serves it" in refused(asgi, interface=interface)
    assert "threads must be 1" in refused(asgi, interface="asgi", threads=2)
    assert "written for ASGI 2" in refused("def application(scope):\n    pass\n",
                                           interface="asgi")
    assert 'write "application_of_test:application()"' in refused(
        "class application:\n    async def __call__(self, *all):\n        pass\n",
        interface="asgi")
    for interface in ("wsgi", "auto"):
        assert not refused(wsgi, interface=interface)
