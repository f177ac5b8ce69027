# SPDX-License-Identifier: Apache-2.0
"""Python inside a real worker: threads, streams, the end of the process."""

import http.client
import os
import signal
import socket
import threading
import time

import pytest

from test_zygote import FORKED, LOADED, NATIVE, PYTHON, module, start  # noqa: F401 (fixtures)

READY, DRAIN, DRAINED, DUMP = 20, 30, 23, 33


class Worker:
    """One worker of a zygote, and its end of the channel that a master has."""

    def __init__(self, zygote, settings):
        self.zygote = zygote
        zygote.boot(**{"learned_imports": "off"} | settings)
        assert zygote.receive()[0] == LOADED
        self.channel = zygote.fork(0, 1)
        kind, _, _, self.pid, _ = zygote.receive()
        assert kind == FORKED
        assert self.receive()[0] == READY

    def receive(self):
        return self.zygote.receive_from(self.channel)

    def send(self, kind):
        self.zygote.send_to(self.channel, kind, 0, 1)

    def stacks(self):
        reader, writer = socket.socketpair()
        with reader:
            with writer:
                self.zygote.send_to(self.channel, DUMP, 0, 1, fds=[writer.fileno()])
            reader.settimeout(20)
            return reader.makefile("rb").read().decode()

    def get(self, path, method="GET", body=None):
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(20)
        connection.sock.connect(self.zygote.address)
        connection.request(method, path, body, {"Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read()

    def drain(self):
        """The exit status, after everything was finished."""
        self.send(DRAIN)
        assert self.receive()[0] == DRAINED
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def worker(start, module):  # noqa: F811
    def make(text, **changes):
        return Worker(start(PYTHON), module(text, **changes))

    return make


def test_the_application_runs_in_the_main_thread(worker):
    w = worker(
        """
import threading
def application(environ, start_response):
    start_response("200 OK", [])
    return [threading.current_thread().name.encode()]
"""
    )
    assert w.get("/") == (200, b"MainThread")
    assert w.drain() == 0


def test_application_threads_have_names(worker):
    w = worker(
        """
import threading
both = threading.Barrier(2)
def application(environ, start_response):
    both.wait(20)
    start_response("200 OK", [])
    return [threading.current_thread().name.encode()]
""",
        threads=2,
    )
    results = []
    clients = [
        threading_client(lambda: results.append(w.get("/"))) for _ in range(2)
    ]
    for client in clients:
        client.join()
    assert sorted(results) == [(200, b"MainThread"), (200, b"monodon-1")]
    assert w.drain() == 0


def threading_client(target):
    thread = threading.Thread(target=target)
    thread.start()
    return thread


@pytest.mark.parametrize("raises", ["SystemExit(3)", "KeyboardInterrupt()", "MemoryError()"])
def test_what_a_view_raises_does_not_end_its_worker(worker, raises):
    w = worker(
        f"""
import os
def application(environ, start_response):
    if environ["PATH_INFO"] == "/bad":
        raise {raises}
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]
"""
    )
    assert w.get("/bad")[0] == 500
    assert w.get("/") == (200, str(w.pid).encode())


def test_a_worker_that_leaves_runs_what_is_registered_for_the_end(worker, tmp_path):
    w = worker(
        """
import atexit, os
atexit.register(lambda: open("ended", "w").write(str(os.getpid())))
def application(environ, start_response):
    start_response("200 OK", [])
    return []
"""
    )
    assert w.drain() == 0
    assert (tmp_path / "ended").read_text() == str(w.pid)


def test_hooks_of_a_fork_run_in_the_worker_that_they_are_about(worker):
    w = worker(
        """
import os
pids = []
os.register_at_fork(after_in_child=lambda: pids.append(os.getpid()))
def application(environ, start_response):
    start_response("200 OK", [])
    return [repr(pids).encode()]
"""
    )
    assert w.get("/") == (200, repr([w.pid]).encode())


def test_a_signal_handler_of_the_application_runs_while_nothing_else_does(
    worker, tmp_path
):
    w = worker(
        """
import signal
signal.signal(signal.SIGUSR2, lambda *_: open("handled", "w").close())
def application(environ, start_response):
    start_response("200 OK", [])
    return []
"""
    )
    os.kill(w.pid, signal.SIGUSR2)
    end = time.monotonic() + 10
    while not (tmp_path / "handled").exists():
        assert time.monotonic() < end, "the handler did not run"
        os.sched_yield()
    assert w.get("/")[0] == 200


def test_threads_of_the_application_run_while_no_request_does(worker, tmp_path):
    w = worker(
        """
import threading
def background():
    word = open("fifo").read()
    open("heard", "w").write(word)
def application(environ, start_response):
    threading.Thread(target=background, daemon=True).start()
    start_response("200 OK", [])
    return []
"""
    )
    os.mkfifo(tmp_path / "fifo")
    assert w.get("/")[0] == 200
    (tmp_path / "fifo").write_text("something")
    heard = tmp_path / "heard"
    end = time.monotonic() + 10
    while not heard.exists() or heard.read_text() != "something":
        assert time.monotonic() < end, "the thread did not run"
        os.sched_yield()


def test_a_crash_leaves_the_python_stack_on_stderr(worker, capfd):
    w = worker(
        """
import ctypes
def application(environ, start_response):
    ctypes.string_at(0)
"""
    )
    with pytest.raises((http.client.HTTPException, OSError)):
        w.get("/")
    assert os.waitstatus_to_exitcode(os.waitpid(w.pid, 0)[1]) == -signal.SIGSEGV
    text = capfd.readouterr().err
    assert "Segmentation fault" in text and "application_of_test.py" in text


def test_a_busy_worker_writes_its_stacks_for_whoever_asks(worker):
    w = worker(
        """
import os
def deep_inside(fd):
    return os.read(fd, 1)
def application(environ, start_response):
    start_response("200 OK", [])
    return [deep_inside(os.open("fifo", os.O_RDONLY))]
"""
    )
    os.mkfifo(os.path.join(w.zygote.directory, "fifo"))
    client = threading_client(lambda: w.get("/"))
    fifo = os.open(os.path.join(w.zygote.directory, "fifo"), os.O_WRONLY)
    text = ""
    while "deep_inside" not in text:
        text = w.stacks()
    assert "[main]" in text
    os.write(fifo, b"x")
    os.close(fifo)
    client.join()


def test_a_large_upload_and_a_large_file_come_through(worker, tmp_path):
    w = worker(
        """
def application(environ, start_response):
    if environ["REQUEST_METHOD"] == "POST":
        with open("upload", "wb") as file:
            for line in environ["wsgi.input"]:
                file.write(line)
        start_response("200 OK", [])
        return []
    start_response("200 OK", [])
    return environ["wsgi.file_wrapper"](open("upload", "rb"))
"""
    )
    content = b"".join(b"%d\n" % i for i in range(700_000))
    assert w.get("/", "POST", content)[0] == 200
    assert (tmp_path / "upload").read_bytes() == content
    assert w.get("/") == (200, content)


def test_a_shared_library_answers_and_what_it_throws_is_a_500(start):  # noqa: F811
    library = os.environ["MONODON_NATIVE_LIBRARY"]
    w = Worker(start([NATIVE]), {"application": f"native:{library}:make_application"})
    assert w.get("/from/a/library") == (200, b"/from/a/library, worker started")
    assert w.get("/throw")[0] == 500
    assert w.get("/again")[0] == 200
    assert w.drain() == 0
