# SPDX-License-Identifier: Apache-2.0
"""Another version of the program in the same process: SIGUSR2, `monodon upgrade`.

MONODON_LONG=1 asks for the long runs.
"""

import os
import signal
import subprocess

import pytest
from support import paths, proc
from support.audience import watched
from support.client import request
from support.server import Server

LONG = os.environ.get("MONODON_LONG") == "1"


def site(app="traffic_site:application", **options):
    """Started through a symbolic link, which later leads to "another version"."""
    server = Server(app, **{"store": 64} | options)
    install(server, paths.MONODON)
    words = server.argv()
    server.argv = lambda: [server.path("monodon"), *words[1:]]
    return server


def install(server, program):
    draft = server.path("draft")
    os.symlink(program, draft)
    os.rename(draft, server.path("monodon"))


def command(server):
    return subprocess.run(
        [paths.MONODON, "upgrade", "--control", server.path("control.sock")], text=True,
        capture_output=True, timeout=120, check=False)


def upgrades(server):
    try:
        return server.control({"op": "status"})["upgrades"]
    except OSError:
        return -1


def upgrade(server):
    """By signal; waits until new workers of the new program serve alone."""
    old, before = server.await_workers(2, timeout=30), upgrades(server)
    server.send_signal(signal.SIGUSR2)
    server.wait(lambda: upgrades(server) == before + 1, "the upgrade", 30)
    return server.await_workers(2, without=old, timeout=30)


def requests_counted(server):
    return sum(slot["totals"]["requests"] for slot in server.status()["slots"])


def test_steady_traffic_does_not_notice_upgrades():
    with site() as server:
        pid = server.pid
        with watched(server) as audience:
            for _ in range(20 if LONG else 2):
                upgrade(server)
        audience.judge()
        assert server.process.poll() is None and server.status()["pid"] == pid
        assert upgrades(server) == (20 if LONG else 2)
        assert server.wait(lambda: len(server.zygotes()) == 1, "one zygote")


def test_a_worker_and_its_request_outlive_the_program_that_started_them():
    with site("probe:application") as server:
        old = server.await_workers(2)
        with server.connect() as busy, server.connect() as kept:
            first = kept.get("/pid").body
            busy.send(request(target="/gate"))
            held = server.gates.arrived("gate")
            server.send_signal(signal.SIGUSR2)
            server.wait(lambda: upgrades(server) == 1, "the upgrade", 30)
            server.wait(lambda: set(server.serving()) - set(old), "a new worker", 30)
            held.release("through")
            assert busy.response().body == b"through"
            server.await_workers(2, without=old, timeout=30)
            assert kept.get("/pid").body not in (first, b"")


def test_counters_go_on():
    with site() as server:
        for number in range(20):
            server.get(f"/?n={number}")
        upgrade(server)
        assert requests_counted(server) == 20
        assert server.status()["starts"] == 4


def test_the_new_program_supervises_what_the_old_one_started():
    with site(expect=["."]) as server:
        install(server, paths.MONODON)
        os.mkdir(server.path("newer"))
        server.write("newer/traffic_site.py", "raise ValueError('no new code')\n")
        old = server.await_workers(2)
        server.config["python_path"] += [server.path("newer")]  # the last is searched first
        server.write_config()
        server.send_signal(signal.SIGUSR2)
        server.wait(lambda: upgrades(server) == 1, "the upgrade", 30)
        server.await_log("no new code")
        assert server.serving() == old
        os.kill(old[0], signal.SIGKILL)
        server.await_log(f"{old[0]}.*signal 9|{old[0]}.*SIGKILL")
        # By the zygote that the old program had started, with the old code.
        server.await_workers(2, without=old[:1], timeout=30)
        assert server.get("/?n=1").status == 200
        assert server.stop() == 0


@pytest.mark.parametrize("other, reason", [
    ("/bin/false", "status 1"), ("/bin/true", "cannot take over"),
    ("/nonexistent", "No such file"), ("other", "state version")])
def test_a_program_that_cannot_take_over_is_refused_and_the_reason_told(other, reason):
    with site(expect=["."]) as server:
        if other == "other":
            other = server.path("other")
            server.write("other", '#!/bin/sh\n_MONODON_UPGRADE="?0"\n'
                         f'export _MONODON_UPGRADE\nexec {paths.MONODON} "$@"\n')
            os.chmod(other, 0o755)
        workers = server.await_workers(2)
        install(server, other)
        done = command(server)
        assert done.returncode == 1 and reason in done.stderr, done.stderr
        server.await_log("upgrade refused, this version runs on")
        assert server.serving() == workers and upgrades(server) == 0
        install(server, paths.MONODON)
        done = command(server)
        assert done.returncode == 0 and "has taken over" in done.stdout, done.stderr
        server.await_workers(2, without=workers, timeout=30)


def test_a_configuration_that_the_new_program_refuses_is_told_before():
    with site(expect=["."]) as server:
        server.await_workers(2)
        server.write_config(workres=3)
        done = command(server)
        assert done.returncode == 1 and "workres" in done.stderr
        server.write_config(workres=None)


def test_an_upgrade_waits_for_the_reload_that_is_under_way():
    server = site("held:application")
    server.write("held.py", "from probe import application\n")
    with server:
        old = server.await_workers(2)
        server.write("held.py", "import gates\ngates.wait('import')\n"
                     "from probe import application\n")
        server.send_signal(signal.SIGHUP)
        first = server.gates.arrived("import")
        server.send_signal(signal.SIGUSR2)
        server.await_log("waits until the reload is over")
        first.release()
        second = server.gates.arrived("import", 30)
        assert upgrades(server) == 1
        second.release()
        server.await_workers(2, without=old, timeout=30)


def test_a_socket_that_it_bound_itself_stays_bound_and_is_removed_at_the_end():
    server = site(bind=["unix:own.sock"], sockets=None)
    path = server.path("own.sock")
    server.config["bind"] = ["unix:" + path]
    server.config["pid_file"] = server.path("pid")
    server.write_config()
    server.address = path
    with server:
        inode = os.stat(path).st_ino
        upgrade(server)
        assert os.stat(path).st_ino == inode and server.get("/?n=1").status == 200
        with open(server.path("pid"), encoding="ascii") as file:
            assert file.read() == f"{server.pid}\n"
        assert len(proc.descriptors(server.pid)) < 64
        assert server.stop() == 0
        assert not os.path.exists(path) and not os.path.exists(server.path("pid"))


def test_no_descriptor_is_left_over_by_upgrades():
    with site() as server:
        upgrade(server)
        before = server.descriptors_at_rest()
        upgrade(server)
        upgrade(server)
        assert server.descriptors_at_rest() == before
