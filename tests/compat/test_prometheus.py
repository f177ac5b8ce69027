# SPDX-License-Identifier: Apache-2.0
"""The recipe of prometheus_client for several processes: a directory of files, and a
child_exit that marks dead workers. Run by both, over the end of a worker and a reload."""

import os
import re
import signal
import subprocess

import pytest
from support import paths
from support.pypi import interpreter
from support.until import until
from support.watch import Watch

APP = """
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest, multiprocess
VIEWS = Counter("views", "of all workers")
GAUGES = [Gauge(f"of_{mode}", mode, multiprocess_mode=mode)
          for mode in ("livesum", "livemin", "liveall", "all", "max")]
def app(environ, start_response):
    data = b"page"
    if environ["PATH_INFO"] == "/metrics":
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
        data = generate_latest(registry)
    elif "monodon.rehearsal" not in environ:
        VIEWS.inc()
        for gauge in GAUGES:
            gauge.set(-7)
    start_response("200 OK", [("Content-Length", str(len(data)))])
    return [data]
"""
CONF = """
from prometheus_client import multiprocess
bind = "unix:site.sock"
workers = 1
def post_fork(server, worker):
    with open("workers", "a") as file:
        print(worker.pid, file=file)
def child_exit(server, worker):
    multiprocess.mark_process_dead(worker.pid)
    with open("dead", "a") as file:
        print(worker.pid, file=file)
"""


@pytest.fixture(scope="module")
def python():
    return interpreter("gunicorn==27.0.1", "prometheus_client")


def pids(directory, name):
    file = directory / name
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def ask(directory, path):
    done = subprocess.run(["curl", "-s", "--retry", "20", "--retry-connrefused", "-m", "20",
                           "--unix-socket", directory / "site.sock", f"http://site{path}"],
                          capture_output=True, text=True, check=True)
    return done.stdout


def samples(directory):
    """Without the numbers of processes, and sorted."""
    lines = [line for line in ask(directory, "/metrics").splitlines() if line[0] != "#"]
    return sorted(re.sub(r'pid="\d+"', 'pid="*"', line) for line in lines)


def shown(command, directory):
    """The metrics at first, after a worker was killed, and after a reload."""
    (directory / "files").mkdir(parents=True)
    (directory / "app.py").write_text(APP)
    (directory / "gunicorn.conf.py").write_text(CONF)
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory),
                   "MONODON_METRICS_BIND": "off", "PROMETHEUS_MULTIPROC_DIR": "files"}
    seen = []
    with open(directory / "log", "wb") as log, subprocess.Popen(
            command, cwd=directory, env=environment, stdout=log, stderr=log) as server:
        try:
            Watch().wait(lambda: (directory / "site.sock").exists(), "the socket", 20)
            for way in (None, signal.SIGKILL, signal.SIGHUP):
                before = pids(directory, "workers")
                if way == signal.SIGKILL:
                    os.kill(before[-1], way)
                elif way:
                    server.send_signal(way)
                if way:
                    until(lambda: before[-1] in pids(directory, "dead"), "child_exit")
                assert [ask(directory, "/") for _ in range(3)] == ["page"] * 3
                seen.append(samples(directory))
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
    left = sorted(name for name in os.listdir(directory / "files") if "_live" in name)
    return seen, left


def test_the_metrics_of_workers_are_those_that_gunicorn_shows(python, tmp_path):
    gunicorn = shown([python, "-m", "gunicorn", "app:app"], tmp_path / "gunicorn")
    monodon = shown([paths.MONODON, "serve", "--python", python, "app:app"], tmp_path / "monodon")
    assert monodon == gunicorn
    assert "of_livemin -7.0" in monodon[0][-1] and "views_total 9.0" in monodon[0][-1]
    assert monodon[1] == []
