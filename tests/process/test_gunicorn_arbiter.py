# SPDX-License-Identifier: Apache-2.0
"""Hooks that Gunicorn calls once in its arbiter: their threads and sockets run in a zygote,
and live on over reloads."""

import urllib.error
import urllib.request

import pytest
from support import paths
from support.prometheus import free_port
from support.server import Server
from support.until import until
from support.versions import reload

# What prometheus_client.start_http_server() does, and a page that says who answers.
METRICS = """
import gates
import http.server
import os
import threading

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(os.getpid()).encode())

    def log_message(self, *_):
        pass

def {hook}(server):
    gates.record("called", "{hook}")
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", {port}), Page)
    threading.Thread(target=listening.serve_forever, name="metrics", daemon=True).start()
"""
SITE = "from probe import application\n"
# Left by the import: workers import by themselves, and the zygote that has imported ends.
LEAVES_A_THREAD = SITE + """
import threading, time
threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
"""


def site(conf, application=SITE, flags=(), **options):
    server = Server("hooked:application", **options)
    server.write("gunicorn.conf.py", conf)
    server.write("hooked.py", application)
    server.command = ["serve", "-c", server.path("gunicorn.conf.py"), "-w", "1",
                      "--observe", "0", *flags,
                      "--pythonpath", f"{paths.APPS},{server.scratch}",
                      "--python", paths.PYTHON, "--error-log-format", "text", server.app]
    server.environment |= {"RUNTIME_DIRECTORY": server.scratch, "PYTHONPATH": str(paths.APPS)}
    return server


def answer(port):
    """Who answers on that port; None where nobody does."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as page:
            return int(page.read())
    except (urllib.error.URLError, ConnectionError):
        return None


def called(server):
    return [entry.id for entry in server.ledger.entries("called")]


def test_a_server_of_metrics_that_when_ready_starts_answers_over_reloads():
    port = free_port()
    with site(METRICS.format(hook="when_ready", port=port), flags=("--fallback", "0")) as server:
        server.await_workers(1)
        first, = server.zygotes()
        assert answer(port) == first
        for _ in range(2):
            before = answer(port)
            status, _, err = reload(server)
            assert status == 0, err
            # Where the zygote of the old code has ended, that of the new code takes over.
            until(lambda: (who := answer(port)) not in (None, before) and who in server.zygotes(),
                  "the new zygote answers")
        assert called(server) == ["when_ready"] * 3


def test_metrics_stay_where_they_are_while_the_old_code_can_come_back():
    port = free_port()
    with site(METRICS.format(hook="on_starting", port=port),
              expect=["was refused", "serves on"]) as server:
        server.await_workers(1)
        first, = server.zygotes()
        assert answer(port) == first
        assert reload(server)[0] == 0
        assert answer(port) == first and called(server) == ["on_starting"]
        server.write("hooked.py", "1/0\n")
        assert reload(server)[0] == 1
        assert answer(port) == first
        assert server.get("/").status == 200


def test_what_on_starting_has_started_outlives_an_import_that_cannot_be_shared():
    port = free_port()
    with site(METRICS.format(hook="on_starting", port=port), LEAVES_A_THREAD) as server:
        server.await_workers(1)
        server.await_log("each worker of generation 1 imports")
        zygote, = server.zygotes()
        assert answer(port) == zygote
        assert called(server) == ["on_starting"] * 2


def test_threads_of_hooks_are_no_reason_to_give_up_what_workers_share():
    port = free_port()
    with site(METRICS.format(hook="on_starting", port=port)) as server:
        server.await_workers(1)
        assert server.status()["preload"]["shared"]


ONCE = """
import gates
STATE = {}
def on_starting(server):
    gates.record("called", "on_starting")
    {starting}
def when_ready(server):
    gates.record("called", "when_ready")
def pre_fork(server, worker):
    worker.number = len(server.ids) + 1 if hasattr(server, "ids") else 0
def post_fork(server, worker):
    gates.record("number", worker.number)
"""


def test_hooks_that_leave_nothing_are_called_once_as_by_gunicorn():
    with site(ONCE.replace("{starting}", "pass")) as server:
        server.await_workers(1)
        for _ in range(2):
            assert reload(server)[0] == 0
        assert called(server) == ["on_starting", "when_ready"]


def test_what_a_hook_has_put_on_the_server_and_the_worker_is_there_after_a_reload():
    with site(ONCE.replace("{starting}", "server.ids = [1, 2]")) as server:
        server.await_workers(1)
        assert reload(server)[0] == 0
        assert called(server) == ["on_starting", "when_ready", "on_starting"]
        assert {entry.id for entry in server.ledger.entries("number")} == {"3"}


def test_a_hook_that_fails_ends_with_the_status_that_gunicorn_has():
    for hook, status in (("when_ready", 1), ("on_starting", 1), ("post_fork", 3)):
        server = site(f"def {hook}(*_):\n    1/0\n", expect=["."])
        server.spawn()
        try:
            assert server.await_exit() == status, hook
            assert "ZeroDivisionError" in server.log.text()
        finally:
            server.close()


# Numbers of workers, as many files have them.
NUMBERS = """
import gates, os
taken = set()
def pre_fork(server, worker):
    worker.number = min(set(range(1, 9)) - taken)
    taken.add(worker.number)

def post_fork(server, worker):
    os.environ["NUMBER"] = str(worker.number)

def worker_exit(server, worker):
    gates.record("worker_exit", worker.age)

def child_exit(server, worker):
    taken.remove(worker.number)
    gates.record("child_exit", worker.pid)
"""
NUMBERED = """
import gates, os
from probe import application as good
def application(environ, start_response):
    gates.record("answered", os.environ["NUMBER"] + str(environ.get("monodon.rehearsal")))
    return good(environ, start_response)
"""


@pytest.mark.parametrize("flags", [(), ("--no-preload",)])
def test_a_rehearsal_is_a_whole_worker_to_the_hooks(flags):
    with site(NUMBERS, application=NUMBERED, flags=flags) as server:
        old, = server.await_workers(1)
        assert server.get("/").status == 200
        status, out, err = reload(server)
        assert status == 0 and "1 request rehearsed: it is answered" in out, (out, err)
        server.wait(lambda: len(server.ledger.entries("child_exit")) == 2, "both ends")
        assert [entry.id for entry in server.ledger.entries("answered")] == ["1None", "1True"]
        rehearsal = server.ledger.entries("answered")[1].pid
        ended = [entry.id for entry in server.ledger.entries("child_exit")]
        assert sorted(ended) == sorted([str(old), str(rehearsal)])
        assert {str(entry.pid) for entry in server.ledger.entries("worker_exit")} == set(ended)
        assert {entry.id for entry in server.ledger.entries("worker_exit")} == {"1"}
        assert "left at" not in server.log.text()
