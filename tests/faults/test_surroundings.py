# SPDX-License-Identifier: Apache-2.0
"""What the machine does to a server: freezes it, takes its memory, its interpreter, its
master in the middle of a reload.
"""

import contextlib
import os
import resource
import shutil
import signal
import time
import venv

import pytest
from support import proc
from support.scrape import await_exporter, exporter_of, metrics, watched
from support.server import Server
from support.versions import begin, reload, site, version_of, write

CGROUPS = next((path for path in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
                if os.path.exists(path + "/cgroup.controllers")), "")


LONG = pytest.mark.skipif(os.environ.get("MONODON_FAULTS") != "all",
                          reason="takes as long as a sign of life may be late")


@contextlib.contextmanager
def freezer():
    """A cgroup of version 2, which everything in it leaves at the end."""
    if not CGROUPS or not os.access(CGROUPS, os.W_OK):
        pytest.skip("needs a cgroup of its own")
    where = f"{CGROUPS}/monodon-freezer.{os.getpid()}"
    os.mkdir(where)
    try:
        yield where
    finally:
        put(where, "cgroup.freeze", "0")
        with open(where + "/cgroup.procs", encoding="ascii") as file:
            left = [int(pid) for pid in file]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
            proc.ended(pid, 10)
        os.rmdir(where)


def put(where, name, text):
    with open(f"{where}/{name}", "w", encoding="ascii") as file:
        file.write(text)


def is_frozen(where):
    with open(where + "/cgroup.events", encoding="ascii") as file:
        return "frozen 1" in file.read()


@LONG
def test_nobody_is_condemned_for_the_time_in_which_all_were_frozen():
    with freezer() as where, Server(cgroup=where) as server:
        old = server.await_workers(2)
        put(where, "cgroup.freeze", "1")
        server.wait(lambda: is_frozen(where), "everything frozen")
        time.sleep(20)  # the time itself is under test: more than a sign of life may take
        put(where, "cgroup.freeze", "0")
        assert all(server.get().status == 200 for _ in range(20))
        time.sleep(5)  # some looks of the master; a word of theirs would be unexpected
        assert server.serving() == old


@LONG
def test_a_zygote_that_hangs_is_replaced_though_nothing_needs_it():
    with Server(expect=["shows no sign of life", "killed by SIGKILL"]) as server:
        workers = server.await_workers(2)
        stopped, = server.zygotes()
        os.kill(stopped, signal.SIGSTOP)
        server.await_log("shows no sign of life", timeout=60)
        server.wait(lambda: server.zygotes() and stopped not in server.zygotes(),
                    "another zygote", 30)
        assert server.serving() == workers
        os.kill(workers[0], signal.SIGKILL)
        assert workers[1] in server.await_workers(2, without=workers[:1], timeout=30)


@LONG
def test_an_exporter_that_hangs_is_killed_and_started_again():
    with watched(expect=["the exporter .* hangs"]) as server:
        await_exporter(server)
        first = exporter_of(server)
        os.kill(first, signal.SIGSTOP)
        server.await_log("the exporter .* hangs: it reads nothing", timeout=30)
        server.wait(lambda: exporter_of(server) not in (None, first), "another exporter")
        await_exporter(server)
        assert metrics(server)["exporter_starts_total"] == 2


def test_a_worker_without_address_space_is_replaced_when_there_is_some_again():
    with Server(expect=["."]) as server:
        first = server.await_workers(2)
        zygote, = server.zygotes()
        resource.prlimit(zygote, resource.RLIMIT_AS,
                         (size_of(zygote) + 100_000, resource.RLIM_INFINITY))
        os.kill(first[0], signal.SIGKILL)
        server.await_log("worker .*(cannot|could not|exited|was killed|no worker)", after=0)
        assert server.get().status == 200
        assert first[1] in server.serving()
        resource.prlimit(zygote, resource.RLIMIT_AS,
                         (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert first[1] in server.await_workers(2, timeout=30)
        assert server.get().status == 200


def size_of(pid):
    """Of its address space, in bytes: proc(5), /proc/pid/statm."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def test_an_interpreter_that_is_replaced_during_a_reload_costs_the_reload_only():
    with site(expect=["."]) as server:
        home = server.path("venv")
        venv.create(home, symlinks=True, with_pip=False)
        python = home + "/bin/python"
        server.config["python"] = python
        server.write_config()
        assert reload(server)[0] == 0
        old = server.await_workers(2)
        write(server, 2, "import gates\ngates.wait('import')")
        waiting = begin(server)
        held = server.gates.arrived("import")
        os.unlink(python)  # as a package manager does, and before it puts the new one
        held.release()
        out, err = waiting.communicate(timeout=60)
        assert waiting.returncode == 0, out + err
        server.wait(lambda: version_of(server) == 2, "the code that was imported")
        new = server.await_workers(2, without=old)
        write(server, 3)
        status, _, err = reload(server)
        assert status == 1 and python in err, err
        assert server.serving() == new and version_of(server) == 2
        os.kill(new[0], signal.SIGKILL)  # the code that serves is in memory
        server.await_workers(2, without=new[:1])
        assert version_of(server) == 2
        os.symlink(shutil.which("python3", path="/usr/bin"), python)
        assert reload(server)[0] == 0
        assert version_of(server) == 3


STEPS = ["zygote of generation 2 .* imports", "generation 2 is imported|is tried with one",
         "worker .*generation 2.* was forked", "worker .*generation 2.* serves",
         "generation 2 takes over", "READY=1 again"]


@pytest.mark.parametrize("step", STEPS)
def test_a_master_that_is_killed_in_a_reload_leaves_a_site_that_starts(step):
    server = site(expect=["."])
    try:
        server.start()
        server.await_workers(2)
        write(server, 2)
        waiting = begin(server)
        if step == STEPS[-1]:
            server.wait(lambda: server.notify.keys().count("READY") == 2, step)
        else:
            server.await_log(step)
        server.send_signal(signal.SIGKILL)
        assert server.await_exit() == -signal.SIGKILL
        waiting.communicate(timeout=30)
        assert waiting.returncode != 0 or step == STEPS[-1]
        server.watch.wait(lambda: not server.processes(), "workers and zygotes to go")
        server.status_code = None
        server.notify.messages.clear()
        server.start()
        server.await_workers(2)
        assert version_of(server) == 2
        server.finish()
    finally:
        server.close()
