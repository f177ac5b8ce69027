# SPDX-License-Identifier: Apache-2.0
"""What stands in for Gunicorn's arbiter, worker and sockets does what hooks use them for."""

import os
import signal

from support import paths
from support.server import Server


def site(conf, application="from probe import application\n", flags=(), **options):
    server = Server("hooked:application", **options)
    server.write("gunicorn.conf.py", "import gates\nworkers = 1\n" + conf)
    server.write("hooked.py", application)
    server.command = ["serve", "-c", server.path("gunicorn.conf.py"), *flags,
                      "--pythonpath", f"{paths.APPS},{server.scratch}",
                      "--python", paths.PYTHON, "--error-log-format", "text", server.app]
    server.environment |= {"RUNTIME_DIRECTORY": server.scratch, "PYTHONPATH": str(paths.APPS)}
    return server


SOCKETS = """
import socket
threads = 2

def when_ready(server):
    gates.record("ready", "/".join(map(str, server.LISTENERS[0].getsockname())))
    server.LISTENERS[0].sock

def post_worker_init(worker):
    one, = worker.sockets
    listens = one.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    gates.record("init", f"{listens}/{one.fileno() > 2}/{one.family == one.sock.family}/"
                 f"{one.get_backlog()}/{worker.nr_conns}")

def post_request(worker, req, environ, resp):
    gates.record("request", f"{worker.nr_conns}/{worker.worker_connections}")
"""


def test_the_sockets_of_a_worker_are_those_that_it_has():
    with site(SOCKETS, sockets={"http": ("127.0.0.1", 0)},
              expect=["when_ready was left at: sock: the zygote has no socket of"]) as server:
        server.await_workers(1)
        host, port = server.listeners["http"].getsockname()
        ready, = server.ledger.entries("ready")
        assert ready.id == f"{host}/{port}"
        # Connections that wait are none, whatever the backlog may be.
        assert [entry.id for entry in server.ledger.entries("init")] == ["1/True/True/0/0"]
        with server.connect((host, port)) as idle, server.connect((host, port)) as other:
            assert idle.get("/pid").status == 200
            assert other.get("/pid").status == 200
        server.wait(lambda: len(server.ledger.entries("request")) == 2, "post_request")
        assert [entry.id for entry in server.ledger.entries("request")] == ["1/1000", "2/1000"]


LEAVES = """
def post_request(worker, req, environ, resp):
    if req.path == "/last":
        worker.alive = False
        gates.record("leaves", f"{worker.pid}/{worker.alive}")
"""


def test_a_worker_that_a_hook_says_is_not_alive_is_replaced_after_its_request():
    with site(LEAVES) as server:
        old, = server.await_workers(1)
        assert server.get("/last").status == 200
        new, = server.await_workers(1, without=[old])
        told, = server.ledger.entries("leaves")
        assert told.id == f"{old}/False" and new != old


def test_handlers_of_the_arbiter_are_its_signals():
    conf = "def post_request(worker, req):\n    pass\n" \
           "def child_exit(server, worker):\n    server.handle_ttin()\n"
    with site(conf, expect=["."]) as server:
        old, = server.await_workers(1)
        os.kill(old, signal.SIGTERM)
        server.await_workers(2, without=[old])


ASGI = """
def post_worker_init(worker):
    gates.record("init", f"{worker.app.wsgi().__name__}/{worker.wsgi.__name__}")

def on_starting(server):
    gates.record("starting", server.app.wsgi().__name__)
"""
APPLICATION = """
async def application(scope, receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})
"""


def test_the_application_of_hooks_has_the_interface_of_the_site():
    with site(ASGI, APPLICATION, flags=("--interface", "asgi"), expect=["lifespan"]) as server:
        server.await_workers(1)
        assert [entry.id for entry in server.ledger.entries("init")] == ["application/application"]
        assert [entry.id for entry in server.ledger.entries("starting")] == ["application"]
        assert server.get("/").status == 204
