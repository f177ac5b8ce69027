# SPDX-License-Identifier: Apache-2.0
"""With `reload` an interpreter is started ahead of the next edit. Nobody may see it, but
for the time it saves: what has changed meanwhile counts, and it ends with its server."""

import os
import pathlib
import re
import signal
import subprocess

import pytest
from support import paths, proc
from support.server import Server
from support.until import until

CODE = """
import os, sys
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{} {{sys.path}} {{os.environ.get('HINT')}}".encode()]
"""


def site(python=paths.PYTHON, **options):
    server = Server("saved:application", expect=["."], config={
        "workers": 1, "reload": True, "observe": None, "fallback": None, "python": python},
        **options)
    server.write("saved.py", CODE.format("first"))
    return server


def spare(server):
    """Its pid: the one child that runs an interpreter and has no title yet."""
    return server.wait(lambda: [pid for pid in proc.children(server.pid)
                                if proc.title(pid).endswith("zygote.py")
                                and proc.state(pid) == "S"], "the spare interpreter")[0]


def save(server, text):
    """Returns the pid of the zygote, and what is answered then."""
    server.write("saved.py", CODE.format(text))
    server.wait(lambda: server.get("/").body.startswith(text.encode()), f"the answer {text}")
    return zygote(server), server.get("/").body.decode()


def zygote(server):
    """The last one that was started: its pid."""
    started = re.compile(r"zygote of generation \d+ \(pid (\d+)\) imports")
    return int([found[1] for found in map(started.search, server.log.lines) if found][-1])


def test_the_next_edit_is_imported_by_the_interpreter_that_waits():
    with site() as server:
        for number in range(3):
            waiting = spare(server)
            assert save(server, f"edit{number}")[0] == waiting


def test_the_spare_interpreter_may_die():
    with site() as server:
        waiting = spare(server)
        proc.kill(waiting)
        server.wait(lambda: waiting not in proc.children(server.pid), "it is reaped")
        assert save(server, "second")[0] != waiting
        waiting = spare(server)
        assert save(server, "third")[0] == waiting


def test_a_spare_interpreter_that_somebody_stopped_keeps_no_edit_waiting():
    with site() as server:
        waiting = spare(server)
        os.kill(waiting, signal.SIGSTOP)
        server.wait(lambda: proc.state(waiting) == "T", "the stop")
        assert save(server, "second")[0] != waiting
        assert waiting not in proc.children(server.pid)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_spare_interpreter_ends_with_its_server(how):
    with site() as server:
        waiting = spare(server)
        server.send_signal(how)
        server.await_exit()
        until(lambda: not os.path.exists(f"/proc/{waiting}") or proc.state(waiting) == "Z",
              "the end of the spare interpreter")


@pytest.fixture(name="environment")
def fixture_environment(tmp_path):
    """A virtual environment; its interpreter, and its site-packages."""
    subprocess.run([paths.PYTHON, "-m", "venv", "--without-pip", str(tmp_path / "venv")],
                   check=True)
    packages, = (tmp_path / "venv").glob("lib/python3*/site-packages")
    return str(tmp_path / "venv/bin/python"), packages


def new_file(packages, extra):
    (packages / "extra.pth").write_text(f"{extra}\n", encoding="utf-8")


def other_contents(packages, extra):
    with open(packages / "known.pth", "w", encoding="utf-8") as file:
        file.write(f"{extra}\n")


@pytest.mark.parametrize("install", [new_file, other_contents])
def test_what_was_installed_meanwhile_counts(environment, tmp_path, install):
    python, packages = environment
    (packages / "known.pth").write_text("# nothing yet\n", encoding="utf-8")
    extra = tmp_path / "extra"
    pathlib.Path(extra).mkdir()
    with site(python) as server:
        waiting = spare(server)
        install(packages, extra)
        process, answer = save(server, "second")
        assert str(extra) in answer
        assert process == waiting  # which has started its interpreter anew


def test_another_environment_of_the_settings_is_not_left_to_it():
    with site() as server:
        waiting = spare(server)
        server.write_config(environment={"HINT": "new"})
        server.await_log("generation 2 has taken over")
        assert server.get("/").body.endswith(b"new") and zygote(server) != waiting
