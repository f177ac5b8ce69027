# SPDX-License-Identifier: Apache-2.0
"""Hooks of a gunicorn.conf.py are called here as Gunicorn calls them: each file is served
by both, asked once, and stopped; what its hooks told is compared."""

import os
import signal
import subprocess

import pytest
from support import paths
from support.pypi import interpreter
from support.watch import Watch

from files import HOOKS, TELL

APP = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"abc"]
"""
SOCKET = "site.sock"


@pytest.fixture(scope="session")
def python():
    return interpreter("gunicorn==27.0.1")


def served(command, directory, hooks):
    """What the hooks told, from the start to the end of a server that is asked once."""
    (directory / "app.py").write_text(APP)
    (directory / "hooks.py").write_text(TELL + "def init(worker):\n    tell('dotted', worker.age)\n")
    (directory / "gunicorn.conf.py").write_text(
        f"bind = 'unix:{SOCKET}'\nworkers = 1\n" + TELL + hooks)
    ledger = directory / "ledger"
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "LEDGER": str(ledger)}
    with open(directory / "log", "wb") as log, subprocess.Popen(
            command, cwd=directory, env=environment, stdout=log, stderr=log) as server:
        try:
            Watch().wait(lambda: (directory / SOCKET).exists(), "the socket", 20,
                         lambda: server.poll() is not None and log_of(directory))
            asked = subprocess.run(
                ["curl", "-s", "--retry", "20", "--retry-connrefused", "--unix-socket",
                 directory / SOCKET, "http://site/a/b?c=d"], capture_output=True, text=True,
                timeout=30, check=False)
            assert asked.stdout == "abc", log_of(directory)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
    return ledger.read_text().splitlines() if ledger.exists() else [], log_of(directory)


def log_of(directory):
    return (directory / "log").read_text()


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_called_as_gunicorn_calls_it(name, python, tmp_path):
    told = {}
    for server, command in (
            ("gunicorn", [python, "-m", "gunicorn", "app:app"]),
            ("monodon", [paths.MONODON, "serve", "--python", paths.PYTHON, "app:app"])):
        directory = tmp_path / server
        directory.mkdir()
        told[server], log = served(command, directory, HOOKS[name])
        assert "Traceback" not in log
    # Ours by docs/gunicorn.md: the idle connections are kept for longer.
    assert told["monodon"] == told["gunicorn"]
    assert told["gunicorn"]
