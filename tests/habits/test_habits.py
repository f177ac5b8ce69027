# SPDX-License-Identifier: Apache-2.0
"""Sites that do at import what is usual with well-known libraries are answered with default
settings as Gunicorn answers them; and nothing is told of those whose library knows of forks.
"""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from habits import HABITS
from support import paths
from support.server import Server
from support.versions import reload

SITE = """
import os, threading
HERE = os.path.dirname(os.path.abspath(__file__))
{text}
def application(environ, start_response):
    work()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]
"""
REQUESTS = 24


@contextlib.contextmanager
def monodon(python, services, text, **options):
    server = Server("site_code:application", environment=services, **options)
    server.write_config(python=str(python))
    server.write("site_code.py", SITE.format(text=text))
    with server:
        yield server


@contextlib.contextmanager
def gunicorn(python, services, directory, text):
    """An address at which Gunicorn serves the same with two workers."""
    (directory / "site_code.py").write_text(SITE.format(text=text))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        where = probe.getsockname()
    process = subprocess.Popen(
        [python, "-m", "gunicorn", "-w", "2", "-b", "{}:{}".format(*where), "site_code"],
        cwd=directory, env={**os.environ, **services}, stderr=subprocess.PIPE, text=True)
    try:
        # Each says so when it has imported the application.
        booted = 0
        while booted < 2 and (line := process.stderr.readline()):
            booted += "Booting worker" in line
        yield where
    finally:
        process.terminate()
        process.communicate(timeout=60)


def answers_of_gunicorn(where):
    def ask(_):
        connection = http.client.HTTPConnection(*where, timeout=60)
        connection.request("GET", "/")
        return connection.getresponse().status
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(ask, range(REQUESTS)))


def answers_of(server):
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda _: server.get("/").status, range(REQUESTS)))


def workers_of(what):
    """Gunicorn refuses to start two where each takes a lock."""
    return 1 if HABITS[what][1].startswith("lock") else 2


@pytest.mark.parametrize("what", HABITS)
def test_the_answers_are_those_of_gunicorn_and_the_decision_is_told(
        python, services, tmp_path, what):
    text, finding = HABITS[what]
    workers = workers_of(what)
    if workers == 2:
        with gunicorn(python, services, tmp_path, text) as where:
            expected = answers_of_gunicorn(where)
        assert set(expected) == {200}  # or the habit is not what it says
    with monodon(python, services, text, config={"workers": workers},
                 expect=["killed by SIGKILL"]) as server:
        told = server.status()["preload"]
        assert told["shared"] == (not finding), told
        if finding:
            assert finding in "; ".join(told["left_by_import"]), told
            server.await_log(r"\[INFO\].*each worker of generation 1 imports")
        else:
            assert not [line for line in server.log.lines if "left by the import" in line]
        assert set(answers_of(server)) == {200}
        for pid in server.await_workers(workers, timeout=30):
            os.kill(pid, signal.SIGKILL)
            server.await_workers(workers, without=[pid], timeout=60)
        assert set(answers_of(server)) == {200}
        if workers == 2:  # a lock is held by the worker of before
            status, _, err = reload(server, timeout=120)
            assert status == 0, err
            assert set(answers_of(server)) == {200}


def test_workers_draw_different_numbers_as_under_gunicorn(python, services):
    with monodon(python, services, HABITS["numpy: numbers at random"][0]) as server:
        answers_of(server)
        with open(server.path("drawn"), encoding="ascii") as file:
            drawn = file.read().split()
        assert len(set(drawn)) == len(drawn) == REQUESTS


@pytest.mark.parametrize("what", ["httpx: a session", "redis: a client in use"])
def test_check_tells_the_decision(python, services, what):
    text, finding = HABITS[what]
    with monodon(python, services, text) as server:
        done = subprocess.run(
            [paths.MONODON, "check", "-c", server.path("monodon.yaml"), server.app],
            env=server.environment, cwd=server.scratch, capture_output=True, text=True,
            timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert ("preload: each worker imports" in done.stderr) == bool(finding)
        assert finding in done.stderr
