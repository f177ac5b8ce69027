# SPDX-License-Identifier: Apache-2.0
"""A gunicorn.conf.py is run once at a start and once at a reload, for as long as it needs."""

import os
import signal
import subprocess

import pytest

from support import paths
from support.server import Server
from support.versions import reload

ONCE = """
import os
import gates
os.mkdir("state")
gates.record("run", f"{os.getpid()}")
TOKEN = os.urandom(4).hex()
proc_name = TOKEN
workers = 1

def when_ready(server):
    gates.record("ready", f"{os.getpid()}/{server.cfg.proc_name == TOKEN}")

on_reload = when_ready
"""
WAITS = """
import os
import gates
workers = 1
gates.record("begun", "")
with open("gate") as gate:
    gate.read()
"""


def site(text, flags=(), **options):
    server = Server("probe:application", **options)
    # As root the tests would have it run by nobody, whom no zygote of root's can be.
    os.chmod(server.scratch, 0o755)
    server.write("gunicorn.conf.py", text)
    server.command = ["serve", "-c", server.path("gunicorn.conf.py"), *flags,
                      "--pythonpath", str(paths.APPS), "--chdir", server.scratch,
                      "--python", paths.PYTHON, "--error-log-format", "text", server.app]
    server.environment |= {"RUNTIME_DIRECTORY": server.scratch, "PYTHONPATH": str(paths.APPS)}
    return server


def test_a_file_is_run_once_and_its_hooks_are_those_of_that_run():
    with site(ONCE) as server:
        server.await_workers(1)
        zygote, = server.zygotes()
        assert [entry.id for entry in server.ledger.entries("run")] == [f"{zygote}"]
        assert [entry.id for entry in server.ledger.entries("ready")] == [f"{zygote}/True"]
        os.rmdir(server.path("state"))
        assert reload(server)[0] == 0
        second = [entry.id for entry in server.ledger.entries("run")]
        assert len(second) == 2
        assert server.ledger.entries("ready")[1].id == f"{second[1]}/True"


def test_check_runs_a_file_once():
    with site(ONCE) as server:
        server.await_workers(1)
        os.rmdir(server.path("state"))
        done = subprocess.run([paths.MONODON, "check", *server.command[1:]], cwd=server.scratch,
                              env=os.environ | server.environment, capture_output=True,
                              text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert len(server.ledger.entries("run")) == 2


def test_workers_are_looked_after_while_a_file_runs_and_boot_timeout_ends_it():
    server = site("workers = 1\n", flags=("--boot-timeout", "3"), expect=["."])
    with server:
        old, = server.await_workers(1)
        os.mkfifo(server.path("gate"))
        server.write("gunicorn.conf.py", WAITS)
        server.send_signal(signal.SIGHUP)
        server.wait(lambda: server.ledger.entries("begun"), "the file begins")
        os.kill(old, signal.SIGKILL)
        server.await_workers(1, without=[old])
        server.await_log("has not come to its end within 3s, see boot_timeout")
        server.await_log("reload refused; generation 1 serves on")
        # The next one is let through.
        server.send_signal(signal.SIGHUP)
        server.wait(lambda: len(server.ledger.entries("begun")) == 2, "the file begins again")
        with open(server.path("gate"), "w", encoding="ascii"):
            pass
        server.await_log("generation 2 has taken over")


SENDS_A_DESCRIPTOR = """
import os
import hostile
with hostile.stopped(os.getppid()):
    hostile.send(3, b"#", [hostile.bomb()])
"""


@pytest.mark.parametrize("old_kernel", [False, True], ids=["new", "old"])
def test_a_file_that_sends_descriptors_does_not_hold_up_the_master(old_kernel):
    with site("workers = 1\n", expect=["."], old_kernel=old_kernel) as server:
        server.await_workers(1)
        server.write("gunicorn.conf.py", SENDS_A_DESCRIPTOR)
        server.send_signal(signal.SIGHUP)
        # The master may hear it from the file that runs, or from the zygote that it becomes.
        server.await_log("reload refused|2 was refused" if old_kernel
                         else "generation 2 has taken over")
        assert server.control({"op": "status"})["workers"] == 1


@pytest.mark.parametrize("hook, told", [
    ("def post_fork(a):\n    pass\n", ":2: post_fork: it is called with 2 arguments, and is defined as post_fork(a)"),
    ("post_fork = 5\n", ": post_fork: 5 is no function"),
    ("when_ready = None\n", ": when_ready: None is no function"),
    ("def on_exit():\n    pass\n", ":2: on_exit: it is called with 1 argument, and"),
])
def test_a_hook_that_cannot_be_called_is_refused_by_name(hook, told):
    server = site("\n" + hook)
    for command in ("check", "serve"):
        done = subprocess.run([paths.MONODON, command, *server.command[1:]], capture_output=True,
                              text=True, env=os.environ | server.environment, timeout=30)
        assert done.returncode == 1 and f"gunicorn.conf.py{told}" in done.stderr, done.stderr
    server.close()


def test_hooks_of_other_forms_are_taken():
    """Methods, partial functions, *arguments, and post_request with fewer arguments."""
    server = site("""
import functools
class Hooks:
    def ready(self, server): pass
when_ready = Hooks().ready
def named(name, server, worker): pass
post_fork = functools.partial(named, "x")
def pre_fork(*_): pass
def post_request(worker, req): pass
def worker_exit(server, worker, why=None): pass
on_exit = print
""")
    done = subprocess.run([paths.MONODON, "check", *server.command[1:]], capture_output=True,
                          text=True, env=os.environ | server.environment, timeout=30)
    assert done.returncode == 0, done.stderr
    server.close()


@pytest.mark.parametrize("wrong", [
    "logconfig = 'none.ini'", "logger_class = 'none.X'", "post_fork = 'none.function'",
])
def test_what_the_file_names_and_is_not_there_ends_with_gunicorns_status(wrong):
    server = site(wrong + "\n", expect=["."])
    server.spawn()
    try:
        assert server.await_exit() == 1, server.log.text()
    finally:
        server.close()


@pytest.mark.parametrize("end, status", [
    ("import sys; sys.exit(7)", 7), ("import sys; sys.exit('no database')", 1), ("exit(0)", 0),
    ("import os; os._exit(5)", 5), ("raise SystemExit", 0), ("1/0", 1)])
def test_a_file_that_ends_the_process_ends_the_start_with_its_status(end, status):
    server = site(end + "\n", expect=["."])
    serve = subprocess.run([paths.MONODON, *server.command], capture_output=True, text=True,
                           env=os.environ | server.environment, timeout=30)
    assert serve.returncode == status and "gunicorn.conf.py: cannot be run by" in serve.stderr
    assert "no database" in serve.stderr or "no database" not in end
    check = subprocess.run([paths.MONODON, "check", *server.command[1:]], capture_output=True,
                           text=True, env=os.environ | server.environment, timeout=30)
    assert check.returncode == 1
    server.close()


def test_the_hook_that_raised_is_named():
    server = site("def post_worker_init(worker):\n    raise RuntimeError('bad')\n", expect=["."])
    server.spawn()
    try:
        assert server.await_exit() == 3
        assert "post_worker_init raised RuntimeError: bad" in server.log.text()
    finally:
        server.close()


def test_a_stop_while_the_file_runs_leaves_nothing_of_the_site_running():
    server = site("workers = 1\n")
    with server:
        server.await_workers(1)
        server.write("gunicorn.conf.py", WAITS)
        os.mkfifo(server.path("gate"))
        server.send_signal(signal.SIGHUP)
        server.wait(lambda: server.ledger.entries("begun"), "the file to run")
        assert server.stop() == 0
        assert "left running" not in server.log.text()
