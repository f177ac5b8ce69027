# SPDX-License-Identifier: Apache-2.0
"""A new process in place of the old one, on sockets and with a store that systemd keeps.

MONODON_LONG=1 asks for the long runs.
"""

import fcntl
import os
import signal
import time

import pytest
from support.audience import watched
from support.client import Truncated, request
from support.server import Server

LONG = os.environ.get("MONODON_LONG") == "1"
STORE = 64


def site(**options):
    return Server("traffic_site:application", **{"store": STORE} | options)


def requests_counted(server):
    slots = server.status()["slots"]
    return sum(slot["totals"]["requests"] for slot in slots)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_steady_traffic_does_not_notice_restarts(how):
    with site(expect=["."]) as server:
        with watched(server) as audience:
            absent = []
            for _ in range(50 if LONG else 3):
                begin = time.monotonic()
                server.restart(how)
                absent.append(time.monotonic() - begin)
                audience.from_now(1)  # or somebody might wait for two of them
        audience.judge(absent=max(absent))
        assert all(len(report["pids"]) > 2 for report in audience.reports().values())


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_idle_connections_are_served_by_the_next_process(how):
    with site() as server:
        server.await_workers(2)  # one that is killed with its master says so
        first = server.pid
        kept = [server.connect() for _ in range(100)]
        for number, connection in enumerate(kept):
            connection.get(f"/?n={number}")
        server.restart(how)
        assert server.pid != first
        for number, connection in enumerate(kept):
            assert int(connection.get(f"/?n={number}").body.split()[3]) == number
            connection.close()


def test_a_request_that_comes_while_nobody_is_there_is_answered():
    with site() as server:
        with server.connect() as kept:
            kept.get("/?n=1")
            server.stop()
            kept.send(request("POST", "/?n=2", b"waiting"))
            with server.connect() as fresh:
                fresh.send(request("GET", "/?n=3"))
                server.restart()
                assert kept.response().body.split()[2:4] == [b"POST", b"2"]
                assert fresh.response().body.split()[3] == b"3"


def test_a_request_under_way_is_finished_before_the_restart():
    with Server(store=STORE) as server:
        with server.connect() as connection:
            connection.send(request(target="/gate"))
            held = server.gates.arrived("gate")
            server.send_signal(signal.SIGTERM)
            server.wait(lambda: server.notify.has("STOPPING"), "STOPPING=1")
            held.release("finished")
            answer = connection.response()
            assert answer.body == b"finished" and not answer.closes
            server.restart()
            assert connection.get("/pid").body != b""


def test_a_stop_closes_the_connections_that_nobody_will_take():
    with site() as server:
        with server.connect() as kept:
            kept.get("/?n=1")
            server.stop()
            assert not kept.readable(0)
            server.notify.empty_store()
            assert kept.closed() in ("eof", "reset")


@pytest.mark.parametrize("most", [0, 1])
def test_without_a_large_enough_store_idle_connections_end_with_the_process(most):
    with site(store=most) as server:
        with server.connect() as kept:
            kept.get("/?n=1")
            server.stop()
            with pytest.raises(Truncated):
                kept.get("/?n=2")
        server.restart()
        assert server.get("/?n=3").status == 200


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_no_counter_goes_backwards_over_a_restart(how):
    with site() as server:
        for number in range(40):
            server.get(f"/?n={number}")
        for times in range(1, 4):
            before = server.status()
            assert requests_counted(server) == 40 * times
            server.restart(how)
            after = server.status()
            assert requests_counted(server) == 40 * times
            assert after["starts"] >= before["starts"] + 1
            for number in range(40):
                server.get(f"/?n={number}")


def test_a_board_that_makes_no_sense_is_said_and_replaced():
    with site(expect=["."]) as server:
        server.get("/?n=1")
        server.stop()
        entry, = [e for e in server.notify.stored if e[0] == "monodon-board"]
        # What is stored can only be read, so another one takes its place.
        nonsense = os.memfd_create("nonsense", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(nonsense, os.fstat(entry[1]).st_size)
        os.pwrite(nonsense, b"nonsense", 0)
        fcntl.fcntl(nonsense, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        os.dup2(nonsense, entry[1])
        os.close(nonsense)
        server.restart()
        assert server.log.text().count("counters restart at 0") == 1
        assert requests_counted(server) == 0
        server.get("/?n=1")
        server.restart()
        assert "anew" not in server.log.text()
        assert requests_counted(server) == 1


def test_half_a_pair_is_replaced():
    with site() as server:
        server.stop()
        entry, = [e for e in server.notify.stored if e[0].endswith("-send")]
        server.notify.stored.remove(entry)
        os.close(entry[1])
        server.restart()
        with server.connect() as kept:
            kept.get("/?n=1")
            server.restart()
            assert kept.get("/?n=2").status == 200
