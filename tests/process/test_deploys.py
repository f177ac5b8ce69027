# SPDX-License-Identifier: Apache-2.0
"""Whatever is done to a server, those who ask it must not notice: not on its socket, not
through nginx. support/audience.py says what counts.

MONODON_LONG=1 (`make long`) asks for the full numbers; each test prints its figures, see
them with pytest -rP.
"""

import os
import random
import signal
import time

import pytest
from support import proc
from support.audience import watched
from support.server import Server
from support.versions import BROKEN, begin, break_it, finish, reload, site, write

LONG = os.environ.get("MONODON_LONG") == "1"


def starts(server):
    return sum(slot["starts"] for slot in server.control({"op": "status"})["slots"])


def test_reloads_in_a_row():
    with site() as server:
        with watched(server) as audience:
            for version in range(2, 102 if LONG else 6):
                write(server, version)
                status, _, err = reload(server)
                assert status == 0, err
                audience.from_now(version)
        audience.judge()
    for report in audience.reports().values():
        assert len(report["answers"]) == version  # nobody saw fewer


@pytest.mark.parametrize("config", [
    {"threads": 4, "max_requests": 20},
    {"workers": 4, "max_surge": 4, "threads": 2},
    {"workers": 1, "preload": False},
    {"workers": 2, "max_surge": 0, "max_unavailable": 1},
])
def test_reloads_of_sites_of_another_shape(config):
    with site(config=config) as server:
        with watched(server, rate=40) as audience:
            for version in range(2, 22 if LONG else 4):
                write(server, version)
                status, _, err = reload(server)
                assert status == 0, err
                audience.from_now(version)
        audience.judge()


# Waits, and keeps a processor busy.
IMPORTS = ("import time\ntime.sleep({0})",
           "import time\nend = time.monotonic() + {0}\nwhile time.monotonic() < end: pass")


def test_imports_that_take_long():
    with site() as server:
        with watched(server) as audience:
            for version in range(2, 22 if LONG else 4):
                write(server, version, IMPORTS[version % 2].format(4 if LONG else 0.5))
                assert reload(server)[0] == 0
                audience.from_now(version)
        audience.judge()


def test_broken_code_again_and_again():
    kinds = list(BROKEN) * 2 if LONG else ["import error", "health check that hangs"]
    with site(expect=["."]) as server:
        with watched(server) as audience:
            for number, what in enumerate(kinds):
                put_right = break_it(server, what, 1000)
                status, _, err = reload(server)
                assert status == 1 and all(word in err for word in BROKEN[what][2]), err
                put_right()
                write(server, number + 2)
                assert reload(server)[0] == 0
                audience.from_now(number + 2)
        audience.judge()
    assert not any("1000" in report["answers"] for report in audience.reports().values())


class Losses:
    """What may be lost when workers are killed: what hung on them just then."""

    def __init__(self, nginx):
        self._nginx = proc.children(nginx.process.pid)
        self._kills = []

    def kill(self, pid):
        """False: it had gone before."""
        try:
            self._kills.append(proc.Killed(pid, self._nginx))
        except ProcessLookupError:
            return False
        return True

    def had_to_be(self, error):
        if error["kind"] in ("eof", "reset", "idle eof", "idle reset"):
            return any(error["inode"] in kill.peers for kill in self._kills)
        if error["kind"] != "status 502":
            return False
        # Which connection nginx took is not told, but it had no more than `shared`.
        for kill in self._kills:
            if kill.shared and error["began"] <= kill.ended and error["ended"] >= kill.began:
                kill.shared -= 1
                return True
        return False


def test_workers_that_are_killed_at_any_moment_of_reloads_lose_only_what_they_held():
    seed = random.randrange(1 << 32)
    dice = random.Random(seed)
    with site(expect=["."], config={"workers": 3}) as server:
        # A worker always has something under way, and is never short of time.
        with watched(server, wait=0.03, rate=12) as audience:
            losses = Losses(audience.nginx)
            for version in range(2, 42 if LONG else 6):
                write(server, version)
                going = begin(server)
                time.sleep(dice.random() * 0.4)  # any moment is right
                while not losses.kill(dice.choice(server.workers())):
                    pass
                status, _, err = finish(going)
                # A new worker that was hit is a reason to go back; nothing else is.
                assert status == 0 or "SIGKILL" in err, err
                server.await_workers(3, timeout=30)
            write(server, 100)
            assert reload(server)[0] == 0
            audience.from_now(100)
        audience.judge(losses.had_to_be)
    print("seed", seed)


DIES = """
import gates
good = application
def application(environ, start_response):
    if environ['PATH_INFO'] == '/die':
        gates.wait('die')
    return good(environ, start_response)
"""


def test_a_new_worker_that_dies_at_its_first_request_brings_the_old_code_back():
    with site(expect=["."], config={"observe": 60}) as server:
        with watched(server) as audience:
            losses = Losses(audience.nginx)
            for version in range(3, 9 if LONG else 5):
                write(server, 1000, DIES)
                going, seen = begin(server), len(server.log.lines)
                server.await_log("watching them", timeout=30, after=seen)
                with server.connect() as victim:
                    victim.send(b"GET /die HTTP/1.1\r\nHost: x\r\n\r\n")
                    assert losses.kill(server.gates.arrived("die").pid)
                    assert victim.closed()
                status, out, err = finish(going)
                assert status == 1, out
                assert err.startswith("monodon reload: rolled back: worker "), err
                assert "SIGKILL" in err and "GET /die" in err
                assert "going back to generation" in out
                server.write_config(observe=0)
                write(server, version)
                assert reload(server)[0] == 0
                audience.from_now(version)
                server.write_config(observe=60)
        audience.judge(losses.had_to_be)


def test_a_storm_of_reloads():
    with site() as server:
        with watched(server) as audience:
            for version in range(2, 12):
                write(server, version)
                server.send_signal(signal.SIGHUP)
                time.sleep(0.1)  # ten in a second
            assert reload(server)[0] == 0
            audience.from_now(11)
        audience.judge()


def test_recycling():
    with Server("traffic_site:application", config={"max_requests": 50}) as server:
        with watched(server) as audience:
            if LONG:
                time.sleep(60)
            server.wait(lambda: starts(server) >= 8, "some recycled workers", 60)
        audience.judge()
        print(starts(server), "workers")


def test_a_number_of_workers_that_changes_all_the_time():
    with Server("traffic_site:application") as server:
        with watched(server) as audience:
            for _ in range(50 if LONG else 5):
                for _ in range(3):
                    server.send_signal(signal.SIGTTIN)
                    time.sleep(0.01)
                server.wait(lambda: len(server.serving()) > 2, "more workers")
                for _ in range(4):
                    server.send_signal(signal.SIGTTOU)
                    time.sleep(0.01)
                server.await_workers(1, timeout=30)
        audience.judge()
