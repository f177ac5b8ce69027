# SPDX-License-Identifier: Apache-2.0
"""The hooks of a gunicorn.conf.py are called, in the process that each is about."""

import os
import re
import signal

import pytest
from support import paths
from support.server import Server
from support.versions import reload

HOOKS = """
import os
import gates
os.environ["FROM_THE_FILE"] = "yes"
bind = "unix:not.used"
workers = 2
{more}

def when_ready(server):
    gates.record("when_ready", f"{{server.pid}}/{{server.num_workers}}")
    server.log.info("ready, says %s", server.cfg.bind)

def post_fork(server, worker):
    gates.record("post_fork", f"{{server.pid}}/{{worker.pid}}/{{worker.age}}")

def post_worker_init(worker):
    gates.record("post_worker_init", f"{{worker.ppid}}/{{worker.pid}}/{{worker.age}}")

def worker_exit(server, worker):
    gates.record("worker_exit", f"{{worker.pid}}/{{worker.age}}")

def child_exit(server, worker):
    gates.record("child_exit", f"{{worker.pid}}/{{worker.age}}/{{worker.alive}}")
"""
SITE = """
import os
assert os.environ["FROM_THE_FILE"] == "yes"
from probe import application
"""


def site(more="", flags=(), **options):
    server = Server("hooked:application", **options)
    write(server, more)
    server.write("hooked.py", SITE)
    server.command = ["serve", "-c", server.path("gunicorn.conf.py"), *flags,
                      "--pythonpath", f"{paths.APPS},{server.scratch}",
                      "--python", paths.PYTHON, "--error-log-format", "text", server.app]
    # For the process of its own in which the master has the file read.
    server.environment |= {"RUNTIME_DIRECTORY": server.scratch, "PYTHONPATH": str(paths.APPS)}
    return server


def write(server, more="", hooks=HOOKS):
    server.write("gunicorn.conf.py", hooks.format(more=more))


@pytest.mark.parametrize("flags", [(), ("--no-preload",)])
def test_each_hook_is_called_where_gunicorn_would(flags):
    with site(flags=flags) as server:
        workers = server.await_workers(2)
        zygote, = server.zygotes()
        master = server.pid
        ready, = server.ledger.entries("when_ready")
        assert (ready.id, int(ready.pid)) == (f"{master}/2", zygote)
        line = server.await_log("ready, says")
        assert re.fullmatch(rf"\[[0-9: +-]+\] \[{zygote}\] \[INFO\] ready, says unix:not.used"
                            r"( generation=1)?", line)
        for hook in ("post_fork", "post_worker_init"):
            told = sorted(server.ledger.entries(hook), key=lambda entry: int(entry.pid))
            assert [int(entry.pid) for entry in told] == workers
            assert {entry.id for entry in told} == {
                f"{master}/{pid}/{age}" for pid, age in zip(workers, (1, 2))}
        assert not server.ledger.entries("worker_exit")
        # A reload: the file is run anew, and both ends of the old workers are told.
        write(server, "proc_name = 'second'")
        status, _, err = reload(server)
        assert status == 0, err
        assert len(server.ledger.entries("when_ready")) == 2
        server.wait(lambda: len(server.ledger.entries("child_exit")) == 2, "child_exit")
        exits = server.ledger.entries("worker_exit")
        assert sorted(int(entry.pid) for entry in exits) == workers
        for entry in server.ledger.entries("child_exit"):
            pid, _, alive = entry.id.split("/")
            assert int(pid) in workers and alive == "False" and int(entry.pid) == zygote
        assert server.stop() == 0
        assert len(server.ledger.entries("child_exit")) == 4


def test_child_exit_is_told_of_a_worker_that_was_killed():
    with site(expect=["."]) as server:
        old = server.await_workers(2)
        os.kill(old[0], signal.SIGKILL)
        server.wait(lambda: server.ledger.entries("child_exit"), "child_exit")
        told, = server.ledger.entries("child_exit")
        assert told.id.startswith(f"{old[0]}/")
        assert not server.ledger.entries("worker_exit")
        server.await_workers(2, without=old[:1])


@pytest.mark.parametrize("hook", ["when_ready", "post_fork", "post_worker_init"])
def test_a_hook_that_raises_at_the_start_refuses_the_reload(hook):
    with site(expect=["."]) as server:
        old = server.await_workers(2)
        write(server, hooks=HOOKS + f"\ndef {hook}(*_):\n    1/0\n")
        status, _, err = reload(server)
        assert status == 1 and "ZeroDivisionError" in err and hook in err, err
        assert server.await_workers(2) == old


def test_a_hook_that_raises_at_the_end_is_told():
    raising = "".join(f"\ndef {hook}(*_):\n    raise ValueError('{hook} failed')\n"
                      for hook in ("worker_exit", "child_exit"))
    with site(expect=["."]) as server:
        old = server.await_workers(2)
        write(server, hooks=HOOKS + raising)
        assert reload(server)[0] == 0
        old = server.await_workers(2, without=old)
        assert reload(server)[0] == 0
        server.await_workers(2, without=old)
        for hook in ("worker_exit", "child_exit"):
            server.await_log(f"ValueError: {hook} failed")


def test_what_a_hook_wants_of_gunicorn_and_does_not_get_is_named():
    with site(expect=["."]) as server:
        server.await_workers(2)
        write(server, hooks=HOOKS + "\ndef post_fork(server, worker):\n    worker.tmp\n")
        status, _, err = reload(server)
        assert status == 1 and "tmp: Monodon's stand-in for Gunicorn's Worker has only" in err
