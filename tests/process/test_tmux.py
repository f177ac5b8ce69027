# SPDX-License-Identifier: Apache-2.0
"""`monodon top` in a real terminal emulator, tmux, as somebody has it who came by ssh."""

import os
import re
import shutil
import signal

import pytest

from support import paths, proc
from support.client import request
from support.server import Server
from support.tmux import Terminal

pytestmark = pytest.mark.skipif(not shutil.which("tmux"), reason="Debian's tmux is not there")


class Top(Terminal):
    """tmux with top in it."""

    def __init__(self, server, columns=110, rows=24):
        super().__init__(server, f"{paths.MONODON} top -d 0.2 --control "
                         f"{server.path('control.sock')}", columns, rows)

    def order(self):
        """The slots from above to below."""
        return [int(found[1]) for line in self.lines()
                if (found := re.match(r" +(\d+) (?:idle|busy)", line))]


def shows(pattern):
    return lambda lines: any(re.search(pattern, line) for line in lines)


def test_top_sorts_pauses_and_resizes_while_every_worker_hangs():
    with Server(config={"workers": 4}) as server:
        pids = server.await_workers(4)
        connections = [server.connect() for _ in pids]
        held = []
        for number, connection in enumerate(connections):
            connection.send(request(target=f"/gate?name=g{number}"))
            held.append(server.gates.arrived(f"g{number}"))
        slots = {slot.get("pid"): slot["slot"] for slot in server.control({"op": "status"})["slots"]}
        oldest = [slots[h.pid] for h in held]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            with Top(server) as top:
                top.until(lambda lines: sum("GET /gate" in line for line in lines) == 4,
                          "what all of them run")
                assert top.order() == [0, 1, 2, 3]
                top.keys("t")  # what has run longest comes first
                top.until(lambda _: top.order() == oldest, f"the order {oldest}")
                top.keys("R")
                top.until(lambda _: top.order() == oldest[::-1], "the other way about")
                top.keys("n")
                top.until(lambda _: top.order() == [3, 2, 1, 0], "by slot, about")
                top.keys("Space")
                paused = top.until(shows("PAUSED"), "the pause")
                server.send_signal(signal.SIGTTIN)  # one more, which a pause does not show
                server.await_workers(5)
                assert top.lines() == paused
                top.keys("Space")
                top.until(lambda lines: shows("5 of 5 workers serve")(lines)
                          and not shows("PAUSED")(lines), "what has come meanwhile")
                top.resize(60, 10)
                small = top.until(lambda lines: len(lines) == 10 and len(top.order()) >= 4,
                                  "a small picture")
                assert all(len(line) <= 60 for line in small)
                top.resize(200, 50)
                top.until(lambda lines: len(lines) == 50 and shows("^SLOT STATE +GEN +PID")(
                    lines) and shows("queue 0/")(lines), "a large picture")
                top.keys("q")
                top.until(shows("^status 0"), "the end, on the screen as it was")
                assert not shows("GET /gate")(top.lines())
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        for h, connection in zip(held, connections):
            h.release()
            assert connection.response().status == 200
            connection.close()
        assert not [p for p in proc.children(server.pid) if proc.state(p) == "Z"]
