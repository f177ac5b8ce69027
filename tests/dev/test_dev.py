# SPDX-License-Identifier: Apache-2.0
"""`monodon dev` in a real terminal, with projects as their own start commands make them:
start, a broken file, its cure, a breakpoint, a template, a new file, Ctrl-C."""

import array
import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import termios
import urllib.error
import urllib.request

import pytest
from support import paths, proc, pypi
from support.server import scratch_directory
from support.tmux import Terminal
from support.until import PATIENCE, until

pytestmark = pytest.mark.skipif(not shutil.which("tmux"), reason="Debian's tmux is not there")

FLASK = """
from flask import Flask, render_template

app = Flask(__name__)

@app.get("/")
def index():
    return render_template("index.html")

@app.get("/stop")
def stop():
    one = 1
    breakpoint()
    two = one + 1
    return str(two)
"""
DJANGO_VIEWS = """
from django.http import HttpResponse
from django.shortcuts import render

def index(request):
    return render(request, "index.html")

def stop(request):
    one = 1
    breakpoint()
    two = one + 1
    return HttpResponse(str(two))
"""


class Project:
    """A directory with code, and what waits for something to happen to it."""

    def __init__(self, python):
        self.scratch = scratch_directory()
        self.directory = pathlib.Path(self.path("site"))
        self.directory.mkdir()
        self.python = python
        self.port = None

    def path(self, name):
        return os.path.join(self.scratch, name)

    def write(self, name, text):
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / (path.name + ".new")).write_text(text, encoding="utf-8")
        os.replace(path.parent / (path.name + ".new"), path)

    def edit(self, name, old, new):
        text = (self.directory / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def wait(self, predicate, what, timeout=10):
        return until(predicate, what, timeout)

    def terminal(self, words="", environment=""):
        return Terminal(self, f"env -u NO_COLOR XDG_RUNTIME_DIR= TMPDIR={self.scratch} "
                        f"{environment} {paths.MONODON} dev --python {self.python} {words}",
                        150, 100, str(self.directory))

    def listens(self, terminal):
        """Its port, as the terminal shows it."""
        lines = terminal.until(lambda lines: any("listening at http" in line for line in lines),
                               "the address", 40)
        self.port = int(re.search(r"listening at http://127\.0\.0\.1:(\d+)",
                                  "\n".join(lines))[1])

    def started(self, terminal):
        self.listens(terminal)
        self.wait(lambda: self.answer("/") is not None, "an answer", 40)

    def answer(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}",
                                        timeout=20 * PATIENCE) as got:
                return got.read().decode()
        except urllib.error.HTTPError as error:
            return f"{error.code} {error.read().decode()}"
        except OSError:
            return None

    def processes(self):
        return proc.with_environment(f"TMPDIR={self.scratch}\0".encode())

    def close(self):
        # The terminal is closed by now, which ends what ran in it.
        self.wait(lambda: not self.processes(), "the last process to go")
        shutil.rmtree(self.scratch, ignore_errors=True)


@pytest.fixture(name="flask")
def _flask():
    project = Project(pypi.interpreter("flask"))
    project.write("app.py", FLASK)
    project.write("templates/index.html", "<h1>first</h1>")
    project.index, project.code, project.broken = "templates/index.html", "app.py", "app.get(\"/\")"
    yield project
    project.close()


@pytest.fixture(name="django")
def _django():
    project = Project(paths.PYTHON)
    subprocess.run([paths.PYTHON, "-m", "django", "startproject", "shop", "."], check=True,
                   cwd=project.directory, timeout=60)
    subprocess.run([paths.PYTHON, "manage.py", "startapp", "cart"], check=True,
                   cwd=project.directory, timeout=60)
    project.write("cart/views.py", DJANGO_VIEWS)
    project.write("cart/templates/index.html", "<h1>first</h1>")
    project.write("cart/static/cart.css", "body { color: red }")
    project.edit("shop/settings.py", "INSTALLED_APPS = [", 'INSTALLED_APPS = [\n    "cart",')
    project.edit("shop/urls.py", "urlpatterns = [",
                 'from cart import views\nurlpatterns = [\n    path("", views.index),\n'
                 '    path("stop", views.stop),')
    project.index, project.code = "cart/templates/index.html", "cart/views.py"
    yield project
    project.close()


@pytest.fixture(name="project", params=["flask", "django"])
def _project(request):
    return request.getfixturevalue(request.param)


def test_a_day_with_a_project(project):
    with project.terminal() as terminal:
        project.started(terminal)
        assert project.answer("/") == "<h1>first</h1>"
        good = (project.directory / project.code).read_text()
        # Broken, and mended: the page that was there stays.
        project.write(project.code, good + "\ndef broken(:\n")
        terminal.until(shows("SyntaxError"), "the exception")
        assert any("def broken(:" in line for line in terminal.lines())
        assert not shows(r"\\x0a")(terminal.lines())
        assert project.answer("/") == "<h1>first</h1>"
        project.write(project.code, good + "\n# mended\n")
        terminal.until(shows("generation 3 has taken over"), "the new generation")
        # A template, and a new file that code imports.
        project.write(project.index, "<h1>second</h1>")
        terminal.until(shows("generation 4 has taken over"), "the reload for the template")
        project.wait(lambda: project.answer("/") == "<h1>second</h1>", "the new template")
        module = project.code.replace("app.py", "fresh.py").replace("views.py", "fresh.py")
        project.write(module, "NUMBER = 40\n")
        terminal.until(shows("generation 5 has taken over"), "the reload for the new file")
        name = "fresh" if "/" not in module else "cart.fresh"
        project.write(project.code, f"import {name} as fresh\n" + good.replace(
            "one = 1", "one = fresh.NUMBER"))
        terminal.until(shows("generation 6 has taken over"), "the reload for its use")
        # The debugger has the terminal.
        asked = subprocess.Popen(["curl", "-s", f"http://127.0.0.1:{project.port}/stop"],
                                 stdout=subprocess.PIPE, text=True)
        terminal.until(shows(r"^\(Pdb\)"), "the prompt of pdb")
        terminal.keys("p one", "Enter")
        terminal.until(shows("^40"), "the value")
        terminal.keys("n", "Enter")
        terminal.until(shows("-> return"), "the next line")
        terminal.keys("p two", "Enter")
        terminal.until(shows("^41"), "the other value")
        terminal.keys("c", "Enter")
        assert asked.communicate(timeout=20 * PATIENCE)[0] == "41"
        terminal.until(shows(r"200 .*GET /stop"), "the line of the request")
        terminal.keys("C-c")
        terminal.until(shows("^status 0"), "the end", 10)
        project.wait(lambda: not project.processes(), "the last process to go")


def shows(pattern):
    return lambda lines: any(re.search(pattern, line) for line in lines)


@contextlib.contextmanager
def stopped_in_pdb(project, terminal):
    """A request of its own stands at breakpoint(); at the end of the block it has to end."""
    with subprocess.Popen(["curl", "-s", f"http://127.0.0.1:{project.port}/stop"],
                          stdout=subprocess.DEVNULL) as asked:
        terminal.until(shows(r"^\(Pdb\)"), "the prompt of pdb")
        yield
        asked.wait(20 * PATIENCE)


def test_ctrl_c_ends_all_while_pdb_waits_and_leaves_a_good_terminal(flask):
    with flask.terminal() as terminal:
        flask.started(terminal)
        with stopped_in_pdb(flask, terminal):
            terminal.keys("C-c")
            terminal.until(shows("^status 0"), "the end", 10)
        flask.wait(lambda: not flask.processes(), "the last process to go")
        terminal.keys("typed and seen", "Enter")  # to cat: the terminal echoes again
        terminal.until(lambda lines: sum("typed and seen" in line for line in lines) == 2, "an echo")


def test_a_debugger_in_the_background_stops_all_until_fg(flask):
    """The kernel stops who reads from the terminal; a shell sees the master alone."""
    command = (f"env -u NO_COLOR XDG_RUNTIME_DIR= TMPDIR={flask.scratch} {paths.MONODON} dev "
               f"--python {flask.python} &")
    with Terminal(flask, "bash --norc -i", 150, 100, str(flask.directory)) as terminal:
        terminal.keys(command, "Enter")
        flask.started(terminal)
        with subprocess.Popen(["curl", "-s", f"http://127.0.0.1:{flask.port}/stop"],
                              stdout=subprocess.PIPE, text=True) as asked:
            flask.wait(lambda: {proc.state(pid) for pid in flask.processes()
                                if "monodon: " in proc.title(pid)} == {"T"}, "all to stop", 20)
            terminal.keys("", "Enter")  # a shell tells of jobs at its next prompt
            terminal.until(shows("Stopped.*monodon"), "the shell's notice", 20)
            terminal.keys("fg", "Enter")
            terminal.keys("p 40 + 2", "Enter")
            terminal.until(shows("42$"), "the value")
            terminal.keys("c", "Enter")
            assert asked.communicate(timeout=20 * PATIENCE)[0] == "2"
        terminal.keys("C-c")
        flask.wait(lambda: not flask.processes(), "the last process to go")


def test_ctrl_c_at_any_moment_shows_no_traceback(flask):
    for edits in range(3):
        with flask.terminal() as terminal:
            flask.started(terminal)
            for number in range(edits):
                flask.edit("app.py", f"one = {number + 1}", f"one = {number + 2}")
                terminal.until(lambda lines: sum("has taken over" in line for line in lines)
                               > number, "the new code", 20)
            terminal.keys("C-c")
            terminal.until(shows("^status 0"), "the end")
            assert not shows("Traceback|Interrupt|Fatal")(terminal.lines()), terminal.lines()
        flask.edit("app.py", f"one = {edits + 1}", "one = 1")


def test_flasks_debugger_is_there_where_it_is_asked_for(flask):
    flask.edit("app.py", "def stop():", "def stop():\n    1 / 0")
    with flask.terminal(environment="FLASK_DEBUG=1") as terminal:
        flask.started(terminal)
        answer = flask.answer("/stop")
        assert answer.startswith("500") and "Werkzeug Debugger" in answer


def typed_ahead(pid):
    """Bytes that wait to be read in its terminal."""
    terminal = os.open(f"/proc/{pid}/fd/0", os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        count = array.array("i", [0])
        fcntl.ioctl(terminal, termios.FIONREAD, count)
        return count[0]
    finally:
        os.close(terminal)


def test_an_edit_while_pdb_waits_is_served_and_the_terminal_is_good(flask):
    with flask.terminal() as terminal:
        flask.started(terminal)
        with stopped_in_pdb(flask, terminal):
            flask.edit("app.py", "one = 1", "one = 5")
        flask.edit("app.py", "    breakpoint()\n", "")
        flask.wait(lambda: flask.answer("/stop") == "6", "the new code")


def test_what_was_typed_for_a_debugger_that_is_gone_is_not_for_the_next(flask):
    with flask.terminal() as terminal:
        flask.started(terminal)
        with stopped_in_pdb(flask, terminal):
            (worker,) = [pid for pid in flask.processes() if "worker 0" in proc.title(pid)]
            os.kill(worker, signal.SIGSTOP)  # so that nobody reads it
            terminal.keys("for nobody")
            flask.wait(lambda: typed_ahead(worker) == len("for nobody"), "the keys")
            os.kill(worker, signal.SIGKILL)
        flask.wait(lambda: flask.answer("/") == "<h1>first</h1>", "the next worker")
        with stopped_in_pdb(flask, terminal):
            terminal.keys("p 40 + 2", "Enter")
            terminal.until(shows("^42"), "the value")
            terminal.keys("c", "Enter")


def test_colours_are_for_terminals_and_not_for_who_wants_none(flask):
    for environment, coloured in (("", True), ("NO_COLOR=1", False)):
        with flask.terminal(environment=environment) as terminal:
            flask.started(terminal)
            flask.answer("/nothing")
            terminal.until(shows(r"404 .*GET /nothing"), "the line of the request")
            assert any("\x1b[" in line for line in terminal.lines(colours=True)) == coloured
            terminal.keys("C-c")
            terminal.until(shows("^status 0"), "the end")


def test_a_second_instance_takes_another_port_and_is_told_apart(flask):
    with flask.terminal() as terminal:
        flask.started(terminal)
        first = flask.port
        second = Project(flask.python)
        try:
            second.write("main.py", FLASK)
            second.write("templates/index.html", "<h1>other</h1>")
            with second.terminal() as other:
                second.started(other)
                assert second.port != first
                assert shows(f"port 8000 is taken, so it is {second.port}")(other.lines())
                assert second.answer("/") == "<h1>other</h1>"
                other.keys("C-c")
                other.until(shows("^status 0"), "the end")
        finally:
            second.close()
        assert flask.answer("/") == "<h1>first</h1>"


def test_django_has_its_static_files_and_debug_pages(django):
    with django.terminal() as terminal:
        django.started(terminal)
        assert django.answer("/static/cart.css") == "body { color: red }"
        assert "base.css" in django.answer("/admin/login/")
        assert django.answer("/static/admin/css/base.css").startswith("/*")
        assert "Using the URLconf defined in" in django.answer("/nothing")
        django.edit("cart/views.py", "def index(request):", "def index(request):\n    1 / 0")
        django.wait(lambda: "ZeroDivisionError" in django.answer("/"), "the page of the error")
        done = subprocess.run(
            [paths.MONODON, "status"], cwd=django.directory, text=True, capture_output=True,
            check=False, env=os.environ | {"TMPDIR": django.scratch, "XDG_RUNTIME_DIR": ""})
        assert "shop.wsgi" in done.stdout, done.stderr


def test_a_broken_start_waits_for_the_edit(flask):
    flask.edit("app.py", "app = Flask(__name__)", "app = Flask(__name__")
    with flask.terminal() as terminal:
        terminal.until(shows("waiting for a change"), "the wait", 40)
        assert shows("SyntaxError")(terminal.lines())
        flask.edit("app.py", "app = Flask(__name__", "app = Flask(__name__)")
        flask.started(terminal)
        assert flask.answer("/") == "<h1>first</h1>"


def test_broken_urls_at_the_start_wait_for_the_edit_and_so_does_the_browser(django):
    django.edit("shop/urls.py", "views.stop", "views.nosuch")
    with django.terminal() as terminal:
        terminal.until(shows("waiting for a change"), "the wait", 40)
        assert shows("AttributeError.*nosuch")(terminal.lines())
        django.listens(terminal)
        with subprocess.Popen(["curl", "-s", f"http://127.0.0.1:{django.port}/"],
                              stdout=subprocess.PIPE, text=True) as asked:
            django.edit("shop/urls.py", "views.nosuch", "views.stop")
            assert asked.communicate(timeout=40 * PATIENCE)[0] == "<h1>first</h1>"


def test_a_terminal_that_is_closed_takes_the_server_with_it(flask):
    with flask.terminal() as terminal:
        flask.started(terminal)
        assert flask.processes()
    flask.wait(lambda: not flask.processes(), "the last process to go")


@pytest.mark.parametrize("files,told", [
    ({}, "no application in"), ({"main.py": "app = FastAPI()\n"}, "is an ASGI application"),
    ({"app.py": "app = 1 + 1", "wsgi.py": "application = 2"}, "there is also app:app")])
def test_what_was_found_is_told(files, told):
    project = Project(paths.PYTHON)
    try:
        for name, text in files.items():
            project.write(name, text)
        done = subprocess.run([paths.MONODON, "dev", "--python", paths.PYTHON, "--no-reload"],
                              cwd=project.directory, text=True, capture_output=True, check=False,
                              timeout=40 * PATIENCE, env=os.environ | {"TMPDIR": project.scratch})
        assert told in done.stderr
        assert done.returncode in (1, 4)
    finally:
        project.close()


def test_a_port_that_was_asked_for_is_not_changed(flask):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with flask.terminal(f"--bind 127.0.0.1:{port}") as terminal:
            terminal.until(shows("Address already in use"), "the reason")
            terminal.until(shows("^status 1"), "the end")
