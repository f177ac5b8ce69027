# SPDX-License-Identifier: Apache-2.0
"""Incidents of a night on call. Each is made, and its cause is found by one command or one
look at the page: the words that somebody who has just been woken up needs are there. (The
eighth, memory that runs out, is in test_catalogue_workers.py, which has the cgroup for it.)"""

import json
import os
import re
import signal
import subprocess

import pytest
from support import paths
from support.client import request
from support.scrape import ask, await_exporter, page, watched
from support.server import Server, scratch_directory
from support.until import PATIENCE

ROOT = os.geteuid() == 0
INCIDENTS = """
import re, threading
import gates

first, second = threading.Lock(), threading.Lock()

def orders():
    with first:
        gates.wait("orders")
        with second:
            return b"never"

def stock():
    with second:
        gates.wait("stock")
        with first:
            return b"never"

def search():
    gates.record("search", "x")
    return re.match("(a+)+$", "a" * 64 + "b")

def downstream():
    return gates.wait("downstream").encode()

def crash():
    import ctypes
    ctypes.string_at(0)

def application(environ, start_response):
    page = globals()[environ["PATH_INFO"][1:] or "healthy"]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [page()]

def healthy():
    return b"well"
"""

# LOGGING only where SITE_LOGS is set, as a site of `django-admin startproject` has none.
DJANGO = """
import os, sys
SECRET_KEY = "x"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "settings"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "/gone/db.sqlite3"}}
if os.environ.get("SITE_LOGS"):
    LOGGING = {"version": 1, "disable_existing_loggers": False,
               "handlers": {"stderr": {"class": "logging.StreamHandler"}},
               "root": {"handlers": ["stderr"]}}

def view(request):
    from django.db import connection
    connection.cursor().execute("SELECT 1")

if "_monodon" in sys.modules or __name__ == "settings":
    from django.urls import path
    urlpatterns = [path("", view)]

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")

def application(environ, start_response):
    from django.core.wsgi import get_wsgi_application
    return get_wsgi_application()(environ, start_response)
"""


def night(expect=(".",), **config):
    server = watched("incidents:application", config=config, expect=list(expect))
    server.write("incidents.py", INCIDENTS)
    return server


def say(server, command, *words):
    """What a command prints about the server."""
    done = subprocess.run(
        [str(paths.MONODON), command, "--control", server.path("control.sock"), *words],
        capture_output=True, text=True, timeout=60 * PATIENCE, check=False, cwd=server.scratch)
    return done.stdout + done.stderr


def doctor(*words):
    done = subprocess.run([str(paths.MONODON), "doctor", "--json", *words], cwd="/", text=True,
                          capture_output=True, timeout=60, check=False)
    return {one["id"]: one for one in json.loads(done.stdout)["findings"]}


def look(server, command, *patterns, words=()):
    """What the command says once it says all of it."""
    def there():
        text = say(server, command, *words)
        return text if all(re.search(pattern, text) for pattern in patterns) else None
    return server.wait(there, f"{patterns} in `monodon {command}`", 20)


def look_at_page(server, *patterns, path="/"):
    await_exporter(server)

    def there():
        text = page(server) if path == "/" else ask(server, path).body.decode()
        return text if all(re.search(pattern, text) for pattern in patterns) else None
    return server.wait(there, f"{patterns} on the page", 20)


def test_a_deadlock_of_two_locks_is_seen_by_trace_and_on_the_page():
    with night(workers=1, threads=2, graceful_timeout=1) as server:
        server.await_workers(1)
        connections = [server.connect(), server.connect()]
        for connection, name in zip(connections, ("orders", "stock")):
            connection.send(request(target=f"/{name}"))
        for held in [server.gates.arrived("orders"), server.gates.arrived("stock")]:
            held.release()
        # The lines on which each of the two waits for the lock that the other one has.
        look(server, "trace", r'incidents.py", line 10,? in orders',
             r'incidents.py", line 16,? in stock', "GET /orders", "GET /stock")
        look_at_page(server, "saturated *: all 2 threads are busy, the oldest request for",
                     r"GET /orders for [\d.]+ s", r"GET /stock for [\d.]+ s")
        look_at_page(server, r'incidents.py", line 10,? in orders',
                     r'incidents.py", line 16,? in stock', path="/stacks/0")
        server.stop(signal.SIGQUIT)
        for connection in connections:
            connection.close()


def test_a_regular_expression_that_spins_in_c_is_seen_by_trace_and_on_the_page():
    with night(workers=1, graceful_timeout=1) as server:
        server.await_workers(1)
        with server.connect() as connection:
            connection.send(request(target="/search"))
            server.wait(lambda: server.ledger.ids("search"), "the search")
            look(server, "trace", r"line 21,? in search", "in match", "GET /search")
            look_at_page(server, "saturated *: the only thread is busy",
                         r"GET /search for [\d.]+ s")
            look_at_page(server, "in match", path="/stacks/0")
            server.stop(signal.SIGQUIT)


def test_requests_that_all_wait_for_another_service_are_seen_by_status_and_on_the_page():
    with night(workers=2) as server:
        server.await_workers(2)
        connections = [server.connect() for _ in range(2)]
        for connection in connections:
            connection.send(request(target="/downstream"))
        held = [server.gates.arrived("downstream") for _ in range(2)]
        # Not before: a worker that is not busy yet would accept it, and it is in no queue then.
        connections.append(server.connect())
        connections[2].send(request(target="/downstream"))
        seen = look(server, "status", r"GET /downstream[^\n]*\n(?s:.*)GET /downstream",
                    r"\b1 (of \d+ )?wait|queue\D*1|waiting\D*1")
        assert "2 workers" in seen or "2 of 2" in seen, seen
        look_at_page(server, "saturated *: all 2 threads are busy, the oldest request for "
                     r"[\d.]+ m?s; 1 connection waits", r"GET /downstream for [\d.]+ s")
        for one in held:
            one.release()
        server.gates.arrived("downstream").release()
        for connection in connections:
            assert connection.response().status == 200
            connection.close()


def test_a_crash_loop_after_a_deploy_is_seen_by_status_in_the_log_and_on_the_page():
    with night(workers=1) as server:
        server.await_workers(1)
        server.write("incidents.py", INCIDENTS + """
import os, threading
if os.environ.get("GATES_DIRECTORY"):
    real = application
    def application(environ, start_response):
        return real(environ | {"PATH_INFO": "/crash"}, start_response)
""")
        say(server, "reload")
        for _ in range(4):
            with server.connect() as connection:
                connection.send(request(target="/basket?secret=1"))
                assert connection.closed()
        line = server.await_log(r"SIGSEGV.*GET /basket")
        assert "secret" not in line and "generation 2" in line, line
        assert "next try in" in line, line
        look(server, "status", "generation 2", r"0 of 1 workers? serves?|failed|rest",
             r"last deaths of workers:\n.*SIGSEGV.* while it ran GET /basket")
        look_at_page(server, "generation 2.* was killed by SIGSEGV .* while it ran GET /basket",
                     r"workers fail again and again: slot \d has failed [34] times in a row")


def test_a_database_that_is_gone_is_in_the_log_on_the_page_and_in_doctor(tmp_path):
    site = tmp_path / "shop"
    site.mkdir()
    (site / "settings.py").write_text(DJANGO)
    (site / "monodon.yaml").write_text(json.dumps({
        "application": "settings:application", "directory": str(site), "metrics_bind": "off",
        "python": paths.PYTHON, "bind": f"unix:{site}/http.sock"}))
    found = doctor("-c", site / "monodon.yaml")
    assert "leaves no traceback" in found["django-logging"]["what"], found
    assert "StreamHandler" in found["django-logging"]["remedy"]
    with watched("settings:application", config={"directory": str(site)}, expect=["."],
                 environment={"SITE_LOGS": "1"}) as server:
        assert server.get("/").status == 500
        server.await_log("OperationalError: unable to open database file")
        look_at_page(server, r"Errors \(5xx, or no answer\) *\s*1\b")


@pytest.mark.skipif(not ROOT, reason="mounting needs root")
def test_a_full_disk_is_seen_by_doctor_status_in_the_log_and_on_the_page():
    directory = scratch_directory()
    full = os.path.join(directory, "full")
    os.mkdir(full)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", full], check=True)
    try:
        with watched(directory=directory, expect=["."], config={
                "workers": 1, "spool_directory": full, "access_log": full + "/access.log",
                "body_memory": 65536}) as server:
            server.await_workers(1)
            with open(full + "/filled", "wb") as file, pytest.raises(OSError):
                file.write(b"x" * (4 << 20))
            with server.connect() as connection:
                connection.send(request("POST", "/", body=b"x" * 1_000_000))
                assert connection.response().status == 507
            server.await_log("No space left on device")
            finding = doctor("-c", server.path("monodon.yaml"))["disk-full"]
            assert full in finding["what"] and "df -h" in finding["remedy"]
            await_exporter(server)
            said = []
            def lost():
                server.get("/")  # an access line that finds no room
                said[:] = [say(server, "status"), page(server)]
                return all(re.search(r"lines? (is|are) missing in the logs", one)
                           for one in said)
            server.wait(lost, said, 20)
            assert all("doctor" in one for one in said), said
    finally:
        subprocess.run(["umount", "-l", full], check=True)
        subprocess.run(["rm", "-rf", directory], check=True)


@pytest.mark.skipif(not ROOT, reason="root may look at everything")
def test_a_directory_that_nginx_may_not_enter_is_seen_by_doctor_without_systemd():
    with Server(config={"workers": 1}) as server:
        server.await_workers(1)
        os.chmod(server.scratch, 0o700)
        findings = doctor("--socket", server.path("http.sock"), "--user", "nobody")
        os.chmod(server.scratch, 0o777)
        finding = findings["nginx-cannot-connect"]
        assert f"nobody may not enter {server.scratch} (root:root, 0700)" in finding["what"]
        assert finding["remedy"] == f"chmod a+x {server.scratch}"
        if "nginx-no-route" in findings:  # where there is an nginx
            assert "proxy_pass http://site;" in findings["nginx-no-route"]["remedy"]
        assert "nginx-cannot-connect" not in doctor("--socket", server.path("http.sock"),
                                                    "--user", "nobody")
