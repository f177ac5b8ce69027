# SPDX-License-Identifier: Apache-2.0
"""The zygote, with a master that is this test: real processes, real channels."""

import ctypes
import json
import mmap
import os
import socket
import struct
import subprocess
import sys

import pytest

from conftest import LIBDIR, boot

BOOT, FORK, QUIT = 1, 2, 3
LOADED, LOAD_FAILED, FORKED, FORK_FAILED, WARNING, BROKEN, SHARED_STATE = range(10, 17)
FRAME = struct.Struct("=IIIIq")
SUBREAPER = 36
NATIVE = os.environ["MONODON_NATIVE"]
PYTHON = [sys.executable, os.path.join(LIBDIR, "zygote.py")]


class Zygote:
    """One zygote, and the ends of its channel and sockets that a master has."""

    def __init__(self, command, stdout=None):
        self.channel, theirs = self._pair()
        self.handoff = self._pair()
        for end in self.handoff:
            end.setblocking(False)
        # Descriptor 3, where the zygote looks for it.
        script = f'exec "$@" 3<&{theirs.fileno()} {theirs.fileno()}<&-'
        self.process = subprocess.Popen(
            ["bash", "-c", script, "bash", *command],
            pass_fds=[theirs.fileno()],
            stdout=stdout,
        )
        theirs.close()

    @staticmethod
    def _pair():
        return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def send(self, kind, slot=0, serial=0, text=b"", fds=()):
        self.send_to(self.channel, kind, slot, serial, text, fds)

    @staticmethod
    def send_to(channel, kind, slot, serial, text=b"", fds=()):
        data = FRAME.pack(kind, slot, serial, 0, 0) + text
        socket.send_fds(channel, [data], list(fds))

    def receive(self):
        return self.receive_from(self.channel)

    @staticmethod
    def receive_from(channel):
        """(kind, slot, serial, value, text), or None at the end of file."""
        channel.settimeout(20)
        data = channel.recv(100_000)
        if not data:
            return None
        kind, slot, serial, _, value = FRAME.unpack(data[: FRAME.size])
        return kind, slot, serial, value, data[FRAME.size :].decode()

    def boot(self, **changes):
        value = boot(**changes)
        self.directory = value["settings"]["directory"]
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("")  # an address of the kernel's choice
            listener.listen()
            listener.setblocking(False)
            self.address = listener.getsockname()
            fds = [s.fileno() for s in (*self.handoff, listener)]
            self.send(BOOT, text=json.dumps(value).encode(), fds=fds)

    def fork(self, slot, serial):
        ours, theirs = self._pair()
        theirs.setblocking(False)
        page = os.memfd_create("page", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.truncate(page, 16 * mmap.PAGESIZE)
        self.send(FORK, slot, serial, fds=[theirs.fileno(), page])
        theirs.close()
        os.close(page)
        return ours

    def end(self):
        self.channel.close()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


@pytest.fixture
def start():
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(SUBREAPER, 1, 0, 0, 0) == 0
    zygotes = []

    def start_one(command, **arguments):
        zygotes.append(Zygote(command, **arguments))
        return zygotes[-1]

    yield start_one
    for zygote in zygotes:
        zygote.channel.close()
        if zygote.process.poll() is None:
            zygote.process.kill()
            zygote.process.wait()
    libc.prctl(SUBREAPER, 0, 0, 0, 0)


@pytest.fixture
def module(tmp_path):
    """Writes a module and returns the settings that load it."""

    def write(text, name="application_of_test", **changes):
        (tmp_path / f"{name}.py").write_text(text)
        return {"application": name, "directory": str(tmp_path), **changes}

    return write


GOOD = """
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"x"]
"""


@pytest.mark.parametrize("command", [PYTHON, [NATIVE]])
def test_a_forked_worker_is_a_child_of_the_master(start, module, command):
    zygote = start(command)
    zygote.boot(**(module(GOOD) if command is PYTHON else {"application": "native:hello"}))
    assert zygote.receive()[0] == LOADED
    pids = set()
    for serial in (5, 6):
        channel = zygote.fork(3, serial)
        kind, slot, number, pid, _ = zygote.receive()
        assert (kind, slot, number) == (FORKED, 3, serial)
        channel.close()  # the master is gone, so the worker goes
        assert os.waitpid(pid, 0)[0] == pid
        pids.add(pid)
    assert len(pids) == 2 and zygote.process.pid not in pids
    assert zygote.end() == 0


@pytest.mark.parametrize("command", [PYTHON, [NATIVE]])
def test_a_zygote_ends_with_its_master_and_when_told(start, module, command):
    settings = module(GOOD) if command is PYTHON else {"application": "native:hello"}
    assert start(command).end() == 1  # before it knew what to do
    told = start(command)
    told.boot(**settings)
    assert told.receive()[0] == LOADED
    told.send(QUIT)
    assert told.receive() is None
    assert told.process.wait(20) == 0


@pytest.mark.parametrize(
    "text, spec, failure, words",
    [
        ("import nothing_of_that_name", "", 3, "No module named 'nothing_of_that_name'"),
        ("1/0", "", 3, "ZeroDivisionError"),
        ("raise SystemExit(7)", "", 3, "SystemExit: 7"),
        ("def f(:", "", 3, "SyntaxError"),
        ("", "", 4, "has no 'application'"),
        ("application = 5", "", 4, "must be callable"),
        ("async def application(scope, receive, send): pass", "", 4, "an ASGI application"),
        (GOOD, ":a b", 4, "is not a name or a call"),
        (GOOD, ":application.deep", 4, "has no attribute 'deep'"),
        (GOOD, ":application(x)", 4, "must be literals"),
        ("def make(): raise ValueError('no')", ":make()", 3, "ValueError: no"),
    ],
)
def test_why_an_application_cannot_be_loaded_is_told(
    start, module, text, spec, failure, words
):
    settings = module(text)
    settings["application"] += spec
    zygote = start(PYTHON)
    zygote.boot(**settings)
    kind, _, _, value, reason = zygote.receive()
    assert (kind, value) == (LOAD_FAILED, failure)
    assert words in reason
    assert zygote.end() == failure


UNSUITABLE = [
    ("sys.version_info = (3, 9, 2, 'final', 0)", "CPython 3.9.2"),
    ("sys.implementation.name = 'pypy'", "pypy, for Python 3"),
    ("sys.abiflags = 't'",
     "a free-threaded build of CPython 3"),
]


@pytest.mark.parametrize("disguise, words", UNSUITABLE)
def test_an_interpreter_that_cannot_run_it_is_named_in_one_sentence(
    start, module, disguise, words
):
    script = (f"import runpy, sys; {disguise}; path = sys.argv.pop(1); "
              "runpy.run_path(path, run_name='__main__')")
    command = [sys.executable, "-c", script, PYTHON[1]]
    zygote = start(command)
    zygote.boot(**module(GOOD))
    kind, _, _, value, reason = zygote.receive()
    assert (kind, value) == (LOAD_FAILED, 1)
    assert reason.startswith(f"{sys.executable} is {words}")
    assert "CPython 3.11 or newer" in reason and "\n" not in reason
    assert zygote.end() == 1

    checked = subprocess.run([*command, "--check"], input=json.dumps(boot(**module(GOOD))),
                             capture_output=True, text=True, timeout=20, check=False)
    assert checked.returncode == 1
    assert checked.stderr == f"monodon: {reason}\n"


@pytest.mark.parametrize(
    "text, spec",
    [
        (GOOD, ""),
        (GOOD, ":application"),
        (GOOD + "class Site:\n    wsgi = staticmethod(application)\n", ":Site.wsgi"),
        (
            GOOD + "def make(a, k=0):\n    assert (a, k) == ('x', 1)\n    return application",
            ":make('x', k=1)",
        ),
    ],
)
def test_an_application_is_found_by_name_path_or_factory(start, module, text, spec):
    settings = module(text)
    settings["application"] += spec
    zygote = start(PYTHON)
    zygote.boot(**settings)
    assert zygote.receive()[0] == LOADED


def test_the_interpreter_is_as_the_settings_say(start, module, tmp_path):
    more = tmp_path / "more"
    last = tmp_path / "last"
    more.mkdir()
    text = GOOD + f"""
import os, sys
assert os.getcwd() == {str(tmp_path)!r}
# As Gunicorn has it, which inserts one after the other at the front.
assert sys.path[:3] == [{str(last)!r}, {str(more)!r}, {str(tmp_path)!r}], sys.path
assert not any({LIBDIR!r} == os.path.realpath(p) for p in sys.path)
assert os.environ["COLOUR"] == "r=d"
assert os.environ["SERVER_SOFTWARE"].startswith("monodon/")
assert os.getsid(0) == os.getpid()
"""
    zygote = start(PYTHON)
    zygote.boot(**module(text, python_path=[str(more), str(last)],
                         environment=["COLOUR=r=d"]))
    assert zygote.receive()[0] == LOADED


def test_the_warm_up_request_is_made_before_the_fork(start, module):
    text = """
def application(environ, start_response):
    start_response("503 Not Yet" if environ["PATH_INFO"] == "/bad" else "200 OK", [])
    return [b"x"]
"""
    good = start(PYTHON)
    good.boot(**module(text, warm_up="/good"))
    assert good.receive()[0] == LOADED
    bad = start(PYTHON)
    bad.boot(**module(text, warm_up="/bad"))
    kind, _, _, _, line = bad.receive()
    assert kind == WARNING and "/bad" in line and "503" in line
    assert bad.receive()[0] == LOADED


def test_an_https_warm_up_is_what_a_proxy_makes_of_it(start, module):
    text = """
def application(environ, start_response):
    seen = [environ[k] for k in ("HTTP_HOST", "wsgi.url_scheme", "HTTP_X_FORWARDED_PROTO")]
    good = seen == ["site.test", "https", "https"] and environ["PATH_INFO"] == "/x"
    start_response("200 OK" if good else "400 Bad Request", [])
    return [b"x"]
"""
    zygote = start(PYTHON)
    zygote.boot(**module(text, warm_up="https://site.test/x"))
    assert zygote.receive()[0] == LOADED


CLIENT = """
import threading
client = []

def application(environ, start_response):
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="poller")
    thread.start()
    client[:] = stop, thread
    start_response("200 OK", [])
    return [b"x"]

def close():
    client[0].set()
    client[1].join()
"""


def test_pre_fork_closes_what_the_warm_up_left(start, module):
    left = start(PYTHON)
    left.boot(**module(CLIENT, warm_up="/"))
    kind, _, _, _, line = left.receive()
    assert kind == SHARED_STATE and "'poller'" in line
    closed = start(PYTHON)
    spec = module(CLIENT, warm_up="/")
    closed.boot(**spec | {"pre_fork": spec["application"].partition(":")[0] + ":close"})
    assert closed.receive()[0] == LOADED


def test_a_pre_fork_that_raises_refuses_the_code(start, module):
    zygote = start(PYTHON)
    spec = module(CLIENT)
    zygote.boot(**spec | {"pre_fork": spec["application"].partition(":")[0] + ":close"})
    kind, _, _, value, text = zygote.receive()
    assert kind == LOAD_FAILED and value == 3
    # The last line of the exception first, for who reads no further.
    assert text.startswith("pre_fork raised IndexError: list index out of range\nTraceback")


def test_without_preload_nothing_is_imported_in_the_zygote(start, module):
    zygote = start(PYTHON)
    zygote.boot(**module("1/0", preload="false"))
    assert zygote.receive()[0] == LOADED


def test_a_full_pipe_does_not_stop_what_prints(start, module):
    read_end, write_end = os.pipe()
    zygote = start(PYTHON, stdout=write_end)
    os.close(write_end)
    zygote.boot(**module(GOOD + "for _ in range(3000): print('x' * 99)"))
    assert zygote.receive()[0] == LOADED
    os.set_blocking(read_end, False)
    assert os.read(read_end, 100) == b"x" * 99 + b"\n"
    os.close(read_end)


@pytest.mark.parametrize(
    "text, status", [(GOOD, 0), ("1/0", 3), ("application = None", 4)]
)
def test_check_loads_the_application_and_says_what_failed(module, text, status):
    result = subprocess.run(
        [*PYTHON, "--check"],
        input=json.dumps(boot(**module(text))),
        stderr=subprocess.PIPE,
        text=True,
        timeout=20,
    )
    assert result.returncode == status
    assert ("ZeroDivisionError" in result.stderr) == (status == 3)


@pytest.mark.parametrize(
    "application, status",
    [
        ("native:hello", 0),
        ("native:nothing", 4),
        ("native:/nowhere/lib.so:entry", 3),
    ],
)
def test_check_knows_native_applications(application, status):
    result = subprocess.run(
        [NATIVE, "--check"],
        input=json.dumps(boot(application=application)),
        stderr=subprocess.PIPE,
        text=True,
        timeout=20,
    )
    assert result.returncode == status
    good = f"good: {application} can be served\n"
    assert result.stderr.endswith(good) == (status == 0)
    assert result.stderr


@pytest.mark.parametrize(
    "entry, status, words",
    [
        ("make_application", 0, ""),
        ("make_nothing", 3, "returned null"),
        ("make_trouble", 3, "no database"),
        ("make_missing", 4, "make_missing"),
    ],
)
def test_a_shared_library_is_an_application(start, entry, status, words):
    zygote = start([NATIVE])
    zygote.boot(application=f"native:{os.environ['MONODON_NATIVE_LIBRARY']}:{entry}")
    kind, _, _, value, reason = zygote.receive()
    assert (kind, value if status else 0) == (LOAD_FAILED if status else LOADED, status)
    assert words in reason
