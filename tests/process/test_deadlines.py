# SPDX-License-Identifier: Apache-2.0
"""Requests that take too long, and workers that are replaced."""

import hashlib
import json
import os
import re
import signal
import time

import pytest
from support import proc
from support.client import request
from support.server import Server


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("path, name", [("/spin", "spin"), ("/stuck", "stuck")])
def test_a_request_over_its_deadline_gets_504_and_its_worker_is_replaced(threads, path, name):
    with Server(config={"workers": 1, "threads": threads, "request_timeout": 0.7,
                        "graceful_timeout": 2}, expect=["."]) as server:
        old = server.await_workers(1)
        with server.connect() as connection:
            began = time.monotonic()
            answer = connection.get(path + "?x=1", x_request_id="late-1")
            took = time.monotonic() - began
        assert answer.status == 504 and answer.closes
        assert 0.6 < took < 3, took
        text = server.await_log(f"GET {path}")
        assert "late-1" in text or "late-1" in server.log.text()
        server.await_log(rf"in {name}\b")  # the stack, though the interpreter is stuck
        new = server.await_workers(1, without=old)
        assert server.get("/pid").body == str(new[0]).encode()
        server.wait(lambda: proc.ended(old[0], 0), "the end of the old worker")


def test_requests_that_wait_for_one_another_are_one_report_with_one_look():
    with Server(config={"workers": 1, "threads": 2, "request_timeout": 1,
                        "graceful_timeout": 0.2}, expect=["."]) as server:
        old, = server.await_workers(1)
        with server.connect() as one, server.connect() as two:
            one.send(request(target="/gate?id=one", x_request_id="one"))
            held = server.gates.arrived("gate")
            two.send(request(target="/gate?id=two", x_request_id="two"))
            assert {one.response().status, two.response().status} == {504}
            server.await_workers(1, without=[old])
            server.wait(lambda: proc.ended(old, 0), "the end of the old worker")
        told = [line for line in server.log.lines if "reached its deadline" in line]
        assert len(told) == 2 and all("it ran for 1." in line for line in told), told
        assert sum("[main]" in line for line in server.log.lines) == 1
        replaced, = [line for line in server.log.lines if "was replaced because" in line]
        assert "[WARNING]" in replaced
        held.release()


def test_the_other_threads_of_that_worker_finish():
    # The other request comes when the first has waited for a while, so that its own
    # deadline is far away when that of the first has come.
    with Server(config={"workers": 1, "threads": 4, "slow_request": 1.5,
                        "request_timeout": 2}, expect=["."]) as server:
        with server.connect() as late, server.connect() as fine:
            late.send(request(target="/spin", x_request_id="late-1"))
            server.await_log(r"\(request late-1\) is slow")
            fine.send(request(target="/gate?id=fine"))
            held = server.gates.arrived("gate")
            assert late.response().status == 504
            held.release("whole")
            assert fine.response().body == b"whole"


def test_a_slow_request_is_shown_with_its_stack_while_it_is_inside_c():
    with Server(config={"workers": 1, "slow_request": 0.2}, expect=["."]) as server:
        with server.connect() as connection:
            rounds = 6_000_000
            connection.send(request(target=f"/burn?rounds={rounds}", x_request_id="slow-1"))
            server.await_log(r"in burn\b")
            assert not connection.readable()  # it still runs
            assert re.search(r"GET /burn \(request slow-1\) is slow: it has run for \d+ ms",
                             server.log.text())
            answer = connection.response()
        assert answer.body.decode() == hashlib.pbkdf2_hmac("sha256", b"a", b"b", rounds).hex()
        assert server.get("/pid").body == str(server.workers()[0]).encode()


def test_the_post_mortem_has_the_last_stack_of_the_request_that_died():
    with Server(config={"workers": 1, "slow_request": 0.2, "error_log_format": "json"},
                expect=["."]) as server:
        pid, = server.await_workers(1)
        with server.connect() as connection:
            connection.send(request(target="/spin?x=1", x_request_id="dead-1"))
            server.await_log("request_slow")
            os.kill(pid, signal.SIGKILL)
            line = json.loads(server.await_log('"event":"worker_died"'))
            assert connection.closed() in ("eof", "reset")
        assert line["request"] == "GET /spin" and line["request_id"] == "dead-1"
        assert (line["worker"], line["serial"], line["worker_pid"]) == (0, 1, pid)
        assert line["cause"] == "signal" and line["duration_us"] >= 200_000
        assert " in spin" in line["stacks"] and "probe.py" in line["stacks"]
        # The next one ran nothing, and has none.
        pid, = server.await_workers(1, without=[pid])
        seen = len(server.log.lines)
        os.kill(pid, signal.SIGKILL)
        assert "stacks" not in server.await_log("worker_died", after=seen)


def test_an_import_that_never_ends_is_bounded_by_boot_timeout():
    server = Server("forever:application", config={"boot_timeout": 1.0}, expect=["."])
    server.write("forever.py", "import gates\ngates.wait('import')\n")
    try:
        server.spawn()
        server.gates.arrived("import")
        assert server.await_exit() != 0
        assert "boot_timeout" in server.log.text()
        said = server.log.text() + "\n".join(server.out.lines)
        assert re.search(r'File ".*/forever\.py", line 2 in <module>', said), said
    finally:
        server.close()


def test_a_worker_is_recycled_only_after_another_serves():
    with Server(config={"workers": 1, "max_requests": 5}) as server:
        first = server.await_workers(1)
        with server.connect() as connection:
            for _ in range(4):
                assert connection.get("/pid").body == str(first[0]).encode()
            connection.send(request(target="/gate"))
            held = server.gates.arrived("gate")  # the fifth, and the last it may take
            assert held.pid == first[0]
            held.release("fifth")
            assert connection.response().body == b"fifth"
            # The same connection, another worker.
            second = server.await_workers(1, without=first)
            assert connection.get("/pid").body == str(second[0]).encode()
        assert proc.ended(first[0], 5)


def test_max_requests_under_load_loses_nothing():
    with Server(config={"workers": 2, "max_requests": 10, "max_requests_jitter": 5}) as server:
        pids, kept, count = set(), [server.connect() for _ in range(4)], 0
        while len(pids) < 20:
            for connection in kept:
                answer = connection.get(f"/pid?id=n{count}")
                assert answer.status == 200 and not answer.closes
                pids.add(answer.body)
                count += 1
        server.await_workers(2)
        assert sorted(server.ledger.ids("end")) == sorted(f"n{i}" for i in range(count))


def test_max_lifetime_recycles():
    with Server(config={"workers": 1, "max_lifetime": 0.5}) as server:
        first = server.await_workers(1)
        with server.connect() as connection:
            assert connection.get().status == 200
            server.await_workers(1, without=first)
            assert connection.get().status == 200


def test_a_worker_that_grew_is_replaced_once_another_serves():
    with Server(config={"workers": 1, "max_memory": "100M"}) as server:
        first = server.await_workers(1)
        with server.connect() as connection:
            assert connection.get("/grow?size=1000000").status == 200
            assert connection.get("/pid").body == str(first[0]).encode()
            assert connection.get("/grow?size=150000000").status == 200
            server.await_workers(1, without=first)
            assert connection.get("/pid").body != str(first[0]).encode()
        server.await_log(rf"pid {first[0]}\b.*because of max_memory")
        # Its successor does not begin with what it had.
        assert len(server.await_workers(1)) == 1


@pytest.mark.parametrize("threads", [1, 2])
def test_a_kept_connection_goes_to_a_worker_that_has_time(threads):
    # Two workers; every thread of the one that has the connection is busy.
    with Server(config={"workers": 2, "threads": threads}) as server:
        with server.connect() as kept:
            owner = int(kept.get("/pid").body)
            held, busy = [], []
            while sum(h.pid == owner for h in held) < threads:
                busy.append(server.connect())
                busy[-1].send(request(target="/gate"))
                held.append(server.gates.arrived("gate"))
            for other in [h for h in held if h.pid != owner]:
                other.release()
                held.remove(other)
            assert int(kept.get("/pid").body) != owner
            for h in held:
                h.release()
            for connection in busy:
                assert connection.response().status == 200
                connection.close()


def test_pipelined_bytes_travel_with_the_connection():
    # The first request is the last that the worker may take; while the second holds it
    # back, the bytes of all others have been read.
    with Server(config={"workers": 1, "max_requests": 1}) as server:
        old, = server.await_workers(1)
        targets = ["/pid?id=p0", "/gate?id=p1", *[f"/pid?id=p{i}" for i in range(2, 9)]]
        with server.connect() as connection:
            connection.send(b"".join(request(target=target) for target in targets))
            held = server.gates.arrived("gate")
            assert held.pid == old
            server.wait(lambda: set(server.serving()) - {old}, "another worker")
            held.release(str(old))
            pids = [int(connection.response().body) for _ in targets]
        # It leaves as soon as it has heard that it may: within a request or two.
        assert pids[:2] == [old, old] and pids[-1] != old
        others = [pid for pid in pids if pid != old]
        assert pids[-len(others):] == others
        assert server.ledger.ids("end") == [f"p{i}" for i in range(9)]


@pytest.mark.parametrize("setting, sent, status", [
    ("header_timeout", b"GET / HTTP/1.1\r\nHost: x\r\n", 408),
    ("body_timeout", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc", 408),
    ("header_timeout", b"", None), ("keepalive", None, None)])
def test_a_client_that_says_nothing_more_is_let_go(setting, sent, status):
    with Server(config={"workers": 1, setting: 0.3}) as server:
        with server.connect() as connection:
            if sent is None:
                assert connection.get().status == 200
            else:
                connection.send(sent)
            if status:
                assert connection.response().status == status
            assert connection.closed() == "eof"
