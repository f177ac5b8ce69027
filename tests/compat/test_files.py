# SPDX-License-Identifier: Apache-2.0
"""Hooks of a gunicorn.conf.py are called here as Gunicorn calls them: each file is served
by both, asked once, and stopped; what its hooks told is compared."""

import json
import os
import re
import signal
import subprocess

import pytest
from support import paths
from support.pypi import interpreter
from support.watch import Watch

from files import ACCESS, HOOKS, OF_GUNICORN, TELL

APP = """
import json, os
def app(environ, start_response):
    with open("environ", "w") as file:
        json.dump({k: v if isinstance(v, (bool, int)) else str(v) for k, v in environ.items()}, file)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"abc"]
"""
HOOK_MODULE = TELL + """
def init(worker):
    tell('dotted', worker.age)
class Without:
    def __init__(self, part):
        self.part = part
    def filter(self, record):
        return self.part not in record.getMessage()
"""
SOCKET = "site.sock"


@pytest.fixture(scope="session")
def python():
    return interpreter("gunicorn==27.0.1")


def served(command, directory, hooks):
    """What the hooks told, from the start to the end of a server that is asked once."""
    (directory / "app.py").write_text(APP)
    (directory / "hooks.py").write_text(HOOK_MODULE)
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


def said(log):
    """What hooks have logged, without the time and the process."""
    return [re.sub(r"( \w+=\d+)*$", "", line[line.index("SAY"):])
            for line in log.splitlines() if "SAY" in line]


def log_of(directory):
    return (directory / "log").read_text()


def both(python, tmp_path, hooks):
    """-> (what the hooks told, what they logged, the environ), of each server"""
    told = {}
    for server, command in (
            ("gunicorn", [python, "-m", "gunicorn", "app:app"]),
            ("monodon", [paths.MONODON, "serve", "--python", python, "app:app"])):
        directory = tmp_path / server
        directory.mkdir()
        ledger, log = served(command, directory, hooks)
        assert "Traceback" not in log
        told[server] = ledger, said(log), json.loads((directory / "environ").read_text())
    return told["gunicorn"], told["monodon"]


@pytest.mark.parametrize("name", HOOKS | ACCESS | OF_GUNICORN)
def test_a_hook_is_called_as_gunicorn_calls_it(name, python, tmp_path):
    gunicorn, monodon = both(python, tmp_path, (HOOKS | ACCESS | OF_GUNICORN)[name])
    # Ours by docs/gunicorn.md: the idle connections are kept for longer.
    assert monodon[:2] == gunicorn[:2]
    assert gunicorn[0]


# What docs/gunicorn.md lists, and objects of each server's own.
DIFFERS = {"SERVER_SOFTWARE", "REQUEST_ID", "REQUEST_URI", "gunicorn.socket", "wsgi.errors",
           "wsgi.input", "wsgi.file_wrapper", "wsgi.early_hints"}


@pytest.mark.parametrize("settings", [
    "", "threads = 3\n", "raw_env = ['A=1', 'SCRIPT_NAME=/a']\n", "workers = 2\npreload_app = True\n",
    "forwarded_allow_ips = '*'\nheader_map = 'drop'\n"])
def test_the_environ_is_gunicorns(settings, python, tmp_path):
    gunicorn, monodon = (found[2] for found in both(python, tmp_path, settings))
    names = (gunicorn.keys() | monodon.keys()) - DIFFERS
    assert {n: monodon.get(n) for n in names} == {n: gunicorn.get(n) for n in names}
