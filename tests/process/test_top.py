# SPDX-License-Identifier: Apache-2.0
"""`monodon top` on a pseudo-terminal, and without one."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios

from support import paths, proc
from support.client import request
from support.server import Server
from support.until import PATIENCE, until


class Screen:
    """`monodon top` on a terminal of its own, and what it wrote there."""

    def __init__(self, server, *words, columns=100, rows=30):
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.text = ""
        self.resize(columns, rows)
        self.process = subprocess.Popen(
            [str(paths.MONODON), "top", "--control", server.path("control.sock"),
             "-d", "0.2", *words],
            stdin=self.slave, stdout=self.slave, stderr=self.slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def resize(self, columns, rows):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            try:
                self.text += os.read(self.master, 65536).decode("ascii")
            except OSError:  # all others have closed it
                return False
        return True

    def frame(self):
        """The last complete picture, as lines of plain text."""
        frames = self.text.split("\x1b[H")[1:]
        whole = [f for f in frames if f.endswith("\x1b[J") or "\x1b[J" in f]
        if not whole:
            return []
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", whole[-1].split("\x1b[J")[0])
        return plain.replace("\r", "").split("\n")

    def await_frame(self, fits, what):
        def fitting():
            self.read(0.1)
            frame = self.frame()
            return [frame] if fits(frame) else None
        return until(fitting, lambda: f"{what}; seen: {self.frame()}", 15, pause=0)[0]

    def await_text(self, pattern):
        return self.await_frame(lambda f: any(re.search(pattern, line) for line in f), pattern)

    def key(self, key):
        os.write(self.master, key.encode())

    def end(self):
        """The exit status."""
        def ended():
            self.read(0.05)
            return self.process.poll() is not None
        until(ended, "top to end", 15, pause=0)
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def slots(frame):
    """{slot: the line of it}"""
    return {int(m[1]): line for line in frame if (m := re.match(r" +(\d+) ", line))}


def test_top_shows_what_runs_and_obeys_keys():
    with Server() as server:
        pids = server.await_workers(2)
        with server.connect() as connection, Screen(server) as top:
            connection.send(request(target="/gate?secret=1"))
            held = server.gates.arrived("gate")
            frame = top.await_text("GET /gate")
            assert all(any(str(pid) in line for line in frame) for pid in pids)
            assert "secret" not in top.text and "1 of 2 threads busy" in frame[1]
            busy, = [n for n, line in slots(frame).items() if "GET /gate" in line]
            top.key("t")
            top.await_frame(lambda f: next(iter(slots(f)), None) == busy, "the busy one first")
            top.key("R")
            top.await_frame(lambda f: list(slots(f))[-1:] == [busy], "the busy one last")
            top.key("h")
            top.await_text("pause and go on")
            top.key("h ")
            top.await_text("PAUSED")
            held.release()
            connection.response()
            assert "GET /gate" in " ".join(top.frame())
            top.key(" ")
            top.await_frame(lambda f: slots(f) and not any("GET /gate" in x for x in f),
                            "the end of the request")
            top.key("\x1b[A\x1b[2~q")  # one that is no key of ours is none at all
            assert top.end() == 0
            assert termios.tcgetattr(top.slave) == top.before
            assert top.text.endswith("\x1b[?7h\x1b[?25h\x1b[?1049l")


def test_top_follows_the_size_of_its_terminal():
    with Server() as server:
        server.await_workers(2)
        with Screen(server, columns=40, rows=7) as top:
            frame = top.await_frame(slots, "the slots")
            assert len(frame) <= 7 and all(len(line) <= 40 for line in frame)
            top.resize(140, 40)
            top.await_text(r"^SLOT STATE +GEN +PID ")
            top.resize(1, 1)
            top.await_frame(lambda f: f and len(f) == 1 and len(f[0]) <= 1, "one cell")
            os.kill(top.process.pid, signal.SIGTERM)
            assert top.end() == 0
            assert termios.tcgetattr(top.slave) == top.before


def test_top_gives_the_terminal_back_while_it_is_stopped():
    with Server(config={"workers": 1}) as server:
        server.await_workers(1)
        with Screen(server) as top:
            top.await_frame(slots, "the slots")
            top.key("\x1a")
            server.wait(lambda: proc.state(top.process.pid) == "T", "the stop")
            assert termios.tcgetattr(top.slave) == top.before
            top.read(0.1)
            seen = len(top.text)
            os.kill(top.process.pid, signal.SIGCONT)
            while "\x1b[?1049h" not in top.text[seen:]:
                assert top.read(15)
            top.key("\x03")
            assert top.end() == 0
            assert termios.tcgetattr(top.slave) == top.before


def test_top_works_while_everybody_hangs():
    with Server(config={"workers": 2}) as server:
        pids = server.await_workers(2)
        with Screen(server) as top:
            top.await_frame(slots, "the slots")
            for pid in [*pids, server.pid]:
                os.kill(pid, signal.SIGSTOP)
            try:
                frame = top.await_text("NO SIGN OF LIFE")
                assert len(slots(frame)) == 2
                assert all(str(pid) in " ".join(frame) for pid in pids)
            finally:
                for pid in [server.pid, *pids]:
                    os.kill(pid, signal.SIGCONT)
            top.await_frame(lambda f: slots(f) and "NO SIGN" not in f[0], "a living master")
            top.key("q")
            assert top.end() == 0


def test_top_sees_workers_that_came_later_and_what_they_run():
    with Server(config={"workers": 1}, expect=["."]) as server:
        old, = server.await_workers(1)
        with Screen(server) as top:
            top.await_text(str(old))
            os.kill(old, signal.SIGKILL)
            new, = server.await_workers(1, without=[old])
            with server.connect() as connection:
                connection.send(request(target="/gate"))
                held = server.gates.arrived("gate")
                frame = top.await_text("GET /gate")
                assert str(new) in slots(frame)[0]
                assert any("was killed by SIGKILL" in line for line in frame)
                held.release()
                connection.response()


def test_top_and_status_show_what_only_the_kernel_knows():
    with Server(config={"workers": 1}) as server:
        server.await_workers(1)
        server.wait(lambda: server.get("/burn?rounds=100000")
                    and server.status()["slots"][0]["cpu_seconds"] > 0, "processor time")
        os.kill(server.workers()[0], signal.SIGSTOP)
        with Screen(server, columns=200) as top, server.connect() as connection:
            connection.send(request())  # nobody accepts it
            top.await_text(r" cpu \d+%  queue 1/\d+ at unix:.*http\.sock")
            top.await_frame(lambda f: re.search(r"\d+% +\d+\.\d MiB", slots(f).get(0, "")),
                            "processor time and memory")
            status = server.status()
            queue, = status["listen_queues"]
            assert queue["waiting"] == 1 and queue["listener"].endswith("http.sock")
            os.kill(server.workers()[0], signal.SIGCONT)
            assert connection.response().status == 200


def test_top_without_a_terminal_is_plain_text():
    with Server(config={"workers": 2}) as server:
        server.await_workers(2)
        for _ in range(20):
            server.get()
        base = [str(paths.MONODON), "top", "--control", server.path("control.sock")]
        done = subprocess.run([*base, "--once", "-d", "0.1"], capture_output=True, text=True,
                              check=True, timeout=20 * PATIENCE)
        assert "\x1b" not in done.stdout and len(slots(done.stdout.splitlines())) == 2
        done = subprocess.run([*base, "-b", "-n", "3", "-d", "0.1"], capture_output=True,
                              text=True, check=True, timeout=20 * PATIENCE)
        assert done.stdout.count("REQUEST") == 3
        done = subprocess.run(base, capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=20 * PATIENCE)
        assert done.returncode == 1 and "--batch" in done.stderr


def test_top_has_colours_on_a_terminal_unless_they_are_unwanted(monkeypatch):
    with Server(config={"workers": 1, "restart_pause": 30}, expect=["."]) as server:
        pid, = server.await_workers(1)
        os.kill(pid, signal.SIGKILL)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.delenv("NO_COLOR", raising=False)
        with Screen(server) as top:
            top.await_text(r"rests \d+")
            assert "\x1b[31m" in top.text  # red
        monkeypatch.setenv("NO_COLOR", "1")
        with Screen(server) as top:
            top.await_text(r"rests \d+")
            assert "\x1b[31m" not in top.text and "\x1b[7m" in top.text
