# SPDX-License-Identifier: Apache-2.0
"""`monodon trace`: what workers do now, also those that do not get on."""

import os
import signal
import subprocess
import time

import pytest
from support import paths, proc
from support.client import request
from support.server import Server
from support.until import PATIENCE


def trace(server, *words):
    """(exit status, stdout, stderr)"""
    done = subprocess.run(
        [str(paths.MONODON), "trace", *words, "--control", server.path("control.sock")],
        capture_output=True, timeout=60 * PATIENCE, check=False, text=True, cwd=server.scratch)
    return done.returncode, done.stdout, done.stderr


def test_a_worker_that_is_stuck_in_c_shows_where():
    with Server(config={"workers": 1, "graceful_timeout": 1}, expect=["."]) as server:
        pid, = server.await_workers(1)
        with server.connect() as connection:
            connection.send(request(target="/stuck?secret=1"))
            server.wait(lambda: server.ledger.ids("stuck"), "the stuck request")
            status, out, err = trace(server, "0")
            assert (status, err) == (0, "")
            assert "in stuck" in out and "probe.py" in out and "[main]" in out
            assert f"worker 0 (serial 1, pid {pid}, generation 1), busy" in out
            assert "GET /stuck" in out and "secret" not in out
            assert "[main], holds the GIL, runs " in out and "zygote.py" not in out
            # Looking changes nothing: it was not interrupted.
            assert not connection.readable()
        server.stop(signal.SIGQUIT)


def test_idle_workers_are_counted_and_shown_when_all_are_wanted():
    with Server(config={"workers": 2, "threads": 2}) as server:
        pids = server.await_workers(2)
        assert trace(server) == (
            0, "idle, with nothing to show: workers 0, 1 (--all shows them)\n", "")
        status, out, _ = trace(server, "--all")
        assert status == 0
        assert all(f"pid {pid}" in out for pid in pids)
        assert out.count("[main]") == 2 and out.count("[monodon-1]") == 2


def test_who_cannot_be_traced_is_named_with_the_reason():
    with Server(config={"workers": 1}, expect=["."]) as server:
        pid, = server.await_workers(1)
        status, out, err = trace(server, "7")
        assert (status, out) == (1, "") and "there is no slot 7" in err
        os.kill(pid, signal.SIGSTOP)
        server.wait(lambda: proc.state(pid) == "T", "the worker to stop")
        began = time.monotonic()
        status, out, err = trace(server, "0", "--timeout", "0.3")
        assert (status, out) == (1, "") and time.monotonic() - began < 5 * PATIENCE
        assert "worker 0: no answer within 0.3 s; it is stopped" in err
        os.kill(pid, signal.SIGCONT)
        server.stop()
        status, _, err = trace(server)
        assert status == 1 and "not running" in err


def test_a_native_application_has_no_python_stacks():
    with Server("native:hello", config={"workers": 1}) as server:
        server.await_workers(1)
        status, _, err = trace(server, "0")
        assert status == 1 and "the application is native" in err


@pytest.mark.parametrize("order, reason", [
    ({"op": "stacks"}, "no \"slot\""), ({"op": "stacks", "slot": -1}, "no \"slot\""),
    ({"op": "stacks", "slot": 2**64 - 1}, "there is no slot")])
def test_the_master_refuses_orders_that_make_no_sense(order, reason):
    with Server(config={"workers": 1}) as server:
        assert reason in server.control(order)["error"]
