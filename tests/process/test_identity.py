# SPDX-License-Identifier: Apache-2.0
"""Started as root without systemd: sockets and files first, then another user for good."""

import grp
import os
import pwd
import signal
import stat

import pytest
from support import paths, proc
from support.client import Connection
from support.jailed import Jailed
from support.server import Server

NOBODY = pwd.getpwnam("nobody")
OTHER = grp.getgrnam("daemon")
pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root"),
    pytest.mark.skipif(not all(parent.stat().st_mode & stat.S_IXOTH
                               for parent in paths.MONODON.parents),
                       reason="the build is in a directory of root's alone")]


def own(*application, make=Server, **config):
    server = make(*application, bind=[], umask=0o022, config={"user": "nobody"} | config)
    server.address = server.path("own.sock")
    server.config["bind"] = ["unix:" + server.address]
    return server


def ids(pid, what):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        line, = [text for text in file if text.startswith(what + ":")]
    return {int(number) for number in line.split()[1:]}


def test_every_process_is_the_user_and_can_never_be_root_again():
    with own(group="daemon") as server:
        server.await_workers(2)  # one that was just forked still has the zygote's title
        zygote, = server.zygotes()
        server.send_signal(signal.SIGTTIN)
        for pid in (server.pid, zygote, *server.await_workers(3)):
            assert ids(pid, "Uid") == {NOBODY.pw_uid}
            assert ids(pid, "Gid") == {OTHER.gr_gid}
            assert 0 not in ids(pid, "Groups")
            for capabilities in ("CapPrm", "CapEff"):
                with open(f"/proc/{pid}/status", encoding="ascii") as file:
                    assert f"{capabilities}:\t{0:016x}\n" in file.readlines()
        assert server.get().status == 200


def hidden(*application, **options):
    """Under ProtectProc=invisible of systemd.exec(5), as in the units that are packaged."""
    return Jailed(["mount -t proc -o hidepid=invisible proc /proc"], *application, **options)


def test_a_worker_that_proc_does_not_show_yet_is_one():
    # A zygote is closed to its own user, and so is its child until it says otherwise.
    server = own("late:application", make=hidden)
    os.chown(server.scratch, NOBODY.pw_uid, NOBODY.pw_gid)
    server.write("late.py", "import os, time\nfrom probe import application\n"
                            "os.register_at_fork(after_in_child=lambda: time.sleep(0.2))\n")
    with server:
        server.await_workers(2)
        assert server.get().status == 200


@pytest.mark.parametrize("config, owner, mode", [
    ({}, (NOBODY.pw_uid, NOBODY.pw_gid), 0o777),
    ({"umask": "0027"}, (NOBODY.pw_uid, NOBODY.pw_gid), 0o750),
    ({"group": "daemon", "socket_mode": "0660"}, (NOBODY.pw_uid, OTHER.gr_gid), 0o660),
    ({"socket_user": "root", "socket_group": "daemon", "socket_mode": "0600"},
     (0, OTHER.gr_gid), 0o600)])
def test_the_socket_has_its_owner_and_mode(config, owner, mode):
    with own(**config) as server:
        made = os.stat(server.address)
        assert (made.st_uid, made.st_gid, stat.S_IMODE(made.st_mode)) == (*owner, mode)
        assert server.get().status == 200


def test_a_port_below_1024_and_files_that_only_root_may_make():
    server = own()
    os.chmod(server.scratch, 0o1777)  # or whoever likes could put another "closed" there
    closed = server.path("closed")
    os.mkdir(closed, 0o755)
    logs = {name: f"{closed}/{name}" for name in ("access.log", "error.log")}
    server.config |= {"bind": [f"127.78.{os.getpid() % 250 + 1}.1:81"],
                      "access_log": logs["access.log"], "error_log": logs["error.log"],
                      "pid_file": f"{closed}/pid"}
    with server:
        server.address = (server.config["bind"][0].split(":")[0], 81)
        with Connection(server.address) as connection:
            assert connection.get("/who").status == 200
        for path in logs.values():
            assert os.stat(path).st_uid == NOBODY.pw_uid
        server.wait(lambda: "/who" in open(logs["access.log"]).read(), "the access log")
        with open(f"{closed}/pid", encoding="ascii") as file:
            assert file.read() == f"{server.pid}\n"
        assert server.stop() == 0


def test_logs_in_a_directory_of_roots_can_be_rotated():
    server = own()
    os.chmod(server.scratch, 0o1777)
    closed = server.path("closed")
    os.mkdir(closed, 0o755)
    logs = [f"{closed}/{name}" for name in ("access.log", "error.log")]
    server.config |= {"access_log": logs[0], "error_log": logs[1], "workers": 2}
    with server:
        server.await_workers(2)

        def rotate(number):
            for path in logs:
                os.rename(path, f"{path}.{number}")
            server.send_signal(signal.SIGUSR1)
            server.wait(lambda: os.path.exists(logs[1]) and "reopened" in
                        open(logs[1], encoding="utf-8").read(), "the new error log")
            for path in logs:
                made = os.stat(path)
                assert (made.st_uid, stat.S_IMODE(made.st_mode)) == (NOBODY.pw_uid, 0o644)
            # Every worker has heard of it when its line is in the new file.
            seen = set()
            while len(seen) < 2:
                seen.add(server.get(f"/pid?rotated={number}").body)
            server.wait(lambda: open(logs[0], encoding="utf-8").read().count(
                f"rotated={number}") >= 2, "the lines in the new access log")

        rotate(1)
        server.send_signal(signal.SIGUSR2)
        server.wait(lambda: "upgraded to" in open(logs[1], encoding="utf-8").read(),
                    "the upgrade", 30)
        server.wait(lambda: len(server.serving()) == 2, "its workers", 30)
        rotate(2)
        keeper, = [pid for pid in server.processes() if comm(pid) == "monodon-logs"]
        assert ids(keeper, "Uid") == {0} and len(os.listdir(f"/proc/{keeper}/fd")) <= 6
        with open(f"/proc/{keeper}/status", encoding="ascii") as file:
            assert f"CapEff:\t{1:016x}\n" in file.readlines()  # CAP_CHOWN


def comm(pid):
    with open(f"/proc/{pid}/comm", encoding="ascii") as file:
        return file.read().strip()


@pytest.mark.parametrize("setting", ["user", "group"])
def test_a_name_that_is_not_known_is_told(setting):
    server = own(**{setting: "no-such-name"})
    try:
        server.spawn()
        assert server.await_exit() == 1
        assert "no-such-name" in server.log.text()
        assert not os.path.exists(server.address)
        assert not proc.children(server.pid)
    finally:
        server.close()
