# SPDX-License-Identifier: Apache-2.0
"""Signals to the master while it serves: reload, scale, reopen."""

import os
import random
import signal

import pytest
from support import proc
from support.client import request
from support.server import Server
from support.traffic import Traffic

ANSWER = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "3")])
    return [b"{}"]
"""


def site(**options):
    server = Server("site_code:application", **options)
    server.write("site_code.py", ANSWER.format("one"))
    return server


def reloaded(server, times=1):
    """Waits until systemd has heard READY=1 again."""
    server.wait(lambda: server.notify.keys().count("READY") == 1 + times, "READY=1 again")


@pytest.mark.parametrize("preload", [True, False])
def test_hup_brings_new_code_and_loses_no_connection(preload):
    with site(config={"preload": preload}) as server:
        old = server.await_workers(2)
        with server.connect() as kept:
            assert kept.get().body == b"one"
            server.write("site_code.py", ANSWER.format("two"))
            server.send_signal(signal.SIGHUP)
            reloaded(server)
            server.await_workers(2, without=old)
            assert kept.get().body == b"two"
        for _ in range(10):
            assert server.get().body == b"two"
        keys = server.notify.keys()
        assert keys.index("RELOADING") > keys.index("READY")
        server.wait(lambda: len(server.zygotes()) == 1, "one zygote")


@pytest.mark.parametrize("code", [
    "raise ValueError('broken on purpose')", "import no_such_module", "x = (",
    "import sys; sys.exit(0)", "import os; os._exit(0)", "import os; os.abort()",
    "application = None", "del application"])
def test_hup_with_broken_code_leaves_the_old_code_serving(code):
    with site(expect=["."]) as server:
        old = server.await_workers(2)
        server.write("site_code.py", ANSWER.format("two") + code + "\n")
        with server.connect() as kept:
            assert kept.get().body == b"one"
            server.send_signal(signal.SIGHUP)
            reloaded(server)
            assert kept.get().body == b"one"
        assert server.serving() == old
        server.wait(lambda: len(server.zygotes()) == 1, "one zygote")
        server.write("site_code.py", ANSWER.format("six"))
        server.send_signal(signal.SIGHUP)
        reloaded(server, 2)
        server.await_workers(2, without=old)
        assert server.get().body == b"six"


def test_hup_with_a_broken_configuration_changes_nothing():
    with site(expect=["."]) as server:
        old = server.await_workers(2)
        server.write_config(workres=7)
        server.send_signal(signal.SIGHUP)
        server.await_log("workres")
        reloaded(server)
        assert server.serving() == old
        server.write_config(workres=None, workers=3)
        server.send_signal(signal.SIGHUP)
        reloaded(server, 2)
        server.await_workers(3, without=old)


def test_hup_with_a_fifo_in_place_of_the_configuration_changes_nothing():
    with site(expect=["."]) as server:
        old = server.await_workers(2)
        os.remove(server.path("monodon.yaml"))
        os.mkfifo(server.path("monodon.yaml"))
        server.send_signal(signal.SIGHUP)
        server.await_log("monodon.yaml: it is not a regular file")
        assert server.serving() == old


def test_a_storm_of_hup_ends_with_the_last_code():
    with site(expect=["."]) as server:
        server.await_workers(2)
        for number in range(100, 120):
            server.write("site_code.py", ANSWER.format(number))
            server.send_signal(signal.SIGHUP)
        server.wait(lambda: server.get().body == b"119", "the last code", timeout=30)
        server.wait(lambda: len(server.zygotes()) == 1, "one zygote", timeout=30)
        server.await_workers(2, timeout=30)
        assert {server.get().body for _ in range(10)} == {b"119"}


@pytest.mark.parametrize("seed", [1, 2])
def test_a_storm_of_every_signal_loses_no_request_and_settles(seed):
    dice = random.Random(seed)
    kinds = [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU,
             signal.SIGCHLD]
    with Server("traffic_site:application", config={"workers": 3}) as server:
        with Traffic(server.address, slow=20.0) as traffic:
            for _ in range(150):
                server.send_signal(dice.choice(kinds))
                for _ in range(dice.randrange(8)):
                    server.get("/?n=0")

            def settled():
                try:
                    status = server.control({"op": "status"})
                except OSError:
                    return None  # it becomes another program just now
                used = [slot for slot in status["slots"] if slot.get("pid")]
                return (status["candidate"] == 0 and len(used) == status["workers"]
                        and {(slot["state"], slot["generation"]) for slot in used}
                        == {("serving", status["generation"])} and status["workers"])
            workers = server.wait(settled, "the end of the storm", timeout=60)
        assert traffic.clean, traffic.report
        server.wait(lambda: len(proc.children(server.pid)) == workers + 1, "the reaping")


def test_term_during_a_reload_stops():
    with site(expect=["."]) as server:
        server.write("site_code.py", "import gates\ngates.wait('import')\n")
        server.send_signal(signal.SIGHUP)
        server.gates.arrived("import")
        assert server.get().body == b"one"
        assert server.stop() == 0


def test_ttin_and_ttou_change_the_number_of_workers():
    with site() as server:
        first = server.await_workers(2)
        server.send_signal(signal.SIGTTIN)
        assert set(first) < set(server.await_workers(3))
        server.send_signal(signal.SIGTTOU)
        server.await_workers(2)
        for _ in range(3):
            server.send_signal(signal.SIGTTOU)
        last = server.await_workers(1)
        assert server.get().body == b"one"
        assert server.serving() == last


def test_usr1_opens_the_logs_again():
    server = Server()
    logs = {name: server.path(name) for name in ("access.log", "error.log")}
    server.config |= {"access_log": logs["access.log"], "error_log": logs["error.log"]}
    with server:
        server.get("/before")
        server.wait(lambda: "/before" in open(logs["access.log"]).read(), "the first line")
        for path in logs.values():
            os.rename(path, path + ".1")
        server.send_signal(signal.SIGUSR1)
        server.wait(lambda: all(map(os.path.exists, logs.values())), "new files")
        # Both workers write to the new one.
        workers = server.await_workers(2)

        def moved():
            files = [proc.descriptors(pid).values() for pid in workers]
            return all(logs["access.log"] in names and logs["access.log"] + ".1" not in names
                       for names in files)
        server.wait(moved, "the workers to move on")
        server.get("/after")
        server.wait(lambda: "/after" in open(logs["access.log"]).read(), "the second line")
        assert "/after" not in open(logs["access.log"] + ".1").read()


def test_signals_that_mean_nothing_change_nothing():
    with site() as server:
        old = server.await_workers(2)
        for which in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGUSR2):
            server.send_signal(which)
        assert server.get().body == b"one"
        assert server.await_workers(2) == old


def test_winch_sends_the_workers_away_and_hup_brings_them_back():
    with site(expect=["."]) as server:
        server.await_workers(2)
        server.send_signal(signal.SIGWINCH)
        server.await_workers(0)
        with server.connect() as waiting:
            waiting.send(request())
            server.send_signal(signal.SIGHUP)
            server.await_workers(2)
            assert waiting.response().body == b"one"


def test_a_request_in_flight_survives_a_reload():
    with Server() as server:
        old = server.await_workers(2)
        with server.connect() as connection:
            connection.send(request(target="/gate?id=flight"))
            held = server.gates.arrived("gate")
            server.send_signal(signal.SIGHUP)
            server.wait(lambda: set(server.serving()) - set(old), "a new worker")
            server.await_log("was asked to leave")
            held.release("kept")
            assert connection.response().body == b"kept"
        server.await_workers(2, without=old)
