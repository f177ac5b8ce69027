# SPDX-License-Identifier: Apache-2.0
"""A worker that writes anything into the memory that others read of it, while master,
exporter, `monodon status` and `monodon top` read it: none of them crashes, hangs, shows a
counter that goes back, or signals a process that is not the worker's.

MONODON_CORRUPTIONS=10000 is the long run (`make observe`); on a build with sanitizers
it also finds reads out of bounds.
"""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from support import paths
from support.client import request
from support.scrape import (ask, await_exporter, exporter_of, metrics, watched)
from support.until import PATIENCE

RUNS = int(os.environ.get("MONODON_CORRUPTIONS", "400"))
# Somebody else's process, with the same user: whatever signal it gets, it tells.
BYSTANDER = """
import signal, sys
for n in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(n, lambda n, _: print("got", n, flush=True))
print("here", flush=True)
sys.stdin.read()
print("done", flush=True)
"""


class Bystander:
    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, "-c", BYSTANDER], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == "here\n"
        return self.process.pid

    def __exit__(self, kind, *_):
        said, _ = self.process.communicate(timeout=20)
        if kind is None:
            assert (said, self.process.returncode) == ("done\n", 0)


class Tools:
    """The programs that read, beside one server: what they say, and that they live."""

    def __init__(self, server):
        self.server = server
        self.master, self.exporter = server.pid, exporter_of(server)
        self.before = {}
        self.looks = 0
        self.top = subprocess.Popen(
            [str(paths.MONODON), "top", "-b", "-d", "0.1", "--control",
             server.path("control.sock")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        os.set_blocking(self.top.stdout.fileno(), False)
        self.screens = 0

    def look(self):
        self.looks += 1
        now = metrics(self.server)
        back = [key for key, value in self.before.items()
                if re.search(r"_(total|count|sum|bucket)(\{|$)", key)
                and now.get(key, -1) < value]
        assert not back, [(key, self.before[key], now.get(key)) for key in back]
        self.before = now
        for path in ("/dashboard.json", "/-/ready", "/-/healthy"):
            assert ask(self.server, path).status in (200, 503)
        self._read_top()
        if self.looks % 10 == 0:
            self.server.status()
            done = subprocess.run([str(paths.MONODON), "status", "--control",
                                   self.server.path("control.sock")], capture_output=True,
                                  timeout=20 * PATIENCE, check=True)
            assert done.stdout.decode("ascii").isprintable() or b"\x1b" not in done.stdout

    def _read_top(self):
        assert self.top.poll() is None, self.top.stdout.read()
        text = self.top.stdout.read() or b""
        assert text.isascii() and b"\x1b" not in text and b"\0" not in text
        self.screens += text.count(b"REQUEST")

    def await_screen(self):
        seen = self.screens
        def more():
            self._read_top()
            return self.screens > seen
        self.server.wait(more, "another screen of top")

    def end(self):
        self.look()
        self.await_screen()
        assert self.server.pid == self.master and exporter_of(self.server) == self.exporter
        assert metrics(self.server)["exporter_starts_total"] == 1
        self.top.terminate()
        self.top.communicate(timeout=20)


def vandals(**config):
    return watched("vandal:application", expect=["."],
                   config={"restart_pause": 0.05, "restart_pause_longest": 0.2,
                           "log_level": "info"} | config)


@pytest.mark.parametrize("threads", [1, 3])
def test_random_bytes_in_each_field_of_a_page(threads):
    with Bystander() as other, vandals(workers=2, threads=threads) as server:
        await_exporter(server)
        server.await_workers(2)
        tools = Tools(server)
        for seed in range(RUNS // 2):
            pids = ",".join(map(str, [other, server.pid, *server.workers()]))
            answer = server.get(f"/corrupt?seed={seed}&pids={pids}")
            assert answer.status == 200, seed
            tools.look()
            if seed % 100 == 99:  # its end is read from what it left
                killed = int(answer.body)
                neighbour = set(server.workers()) - {killed}
                os.kill(killed, signal.SIGKILL)
                server.await_log(rf"pid {killed}, .*SIGKILL")
                assert neighbour <= set(server.await_workers(2, without=[killed]))
        assert tools.looks == RUNS // 2
        tools.end()


def test_a_page_that_changes_while_it_is_read():
    with Bystander(), vandals(workers=2) as server:
        await_exporter(server)
        server.await_workers(2)
        tools = Tools(server)
        server.get("/scribble?seconds=3")
        end, looks = time.monotonic() + 3, 0
        while time.monotonic() < end:
            tools.look()
            looks += 1
        assert looks > 5
        tools.end()


def test_memory_that_others_read_has_a_size_that_stays():
    server = vandals(workers=2)
    # A sanitizer would make an exit of its own end.
    server.environment["ASAN_OPTIONS"] = (os.environ.get("ASAN_OPTIONS", "")
                                          + ":handle_sigbus=0:handle_segv=0")
    with server:
        await_exporter(server)
        server.await_workers(2)
        tools = Tools(server)
        tried = server.get("/resize").body.decode().splitlines()
        assert len(tried) >= 3 and not [line for line in tried if line.endswith("done")], tried
        tools.look()
        with server.connect() as connection:  # what is behind the page is nobody's
            connection.send(request(target="/grow"))
            assert connection.closed()
        server.await_log("SIG(BUS|SEGV).*GET /grow")
        server.await_workers(2)
        tools.end()
