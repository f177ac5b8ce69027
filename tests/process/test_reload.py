# SPDX-License-Identifier: Apache-2.0
"""`monodon reload`: a transaction that is committed, refused or rolled back, and whose
client is told which, and why.

MONODON_LONG=1 asks for the long runs.
"""

import os
import signal
import subprocess
import time

import pytest
from support import paths
from support.server import PATIENCE, Server
from support.traffic import Traffic

LONG = os.environ.get("MONODON_LONG") == "1"
SLOW = 0.25 if LONG else 2.0
CODE = """
from traffic_site import application_of
application = application_of({version})
{more}
"""


def site(**options):
    server = Server("site_code:application", **options)
    write(server, 1)
    return server


def write(server, version, more=""):
    server.write("site_code.py", CODE.format(version=version, more=more))


def reload(server, *arguments, timeout=60):
    """(status, stdout, stderr) of `monodon reload`."""
    return finish(begin(server, *arguments), timeout)


def begin(server, *arguments):
    return subprocess.Popen(
        [str(paths.MONODON), "reload", "--control", server.path("control.sock"),
         *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process, timeout=60):
    try:
        out, err = process.communicate(timeout=timeout * PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, out, err


def version_of(server):
    return int(server.get("/?n=1").body.split()[0])


def test_a_reload_is_shown_step_by_step_and_ends_with_the_new_code():
    with site(config={"workers": 3}) as server:
        old = server.await_workers(3)
        write(server, 2)
        status, out, err = reload(server)
        assert (status, err) == (0, ""), err
        assert version_of(server) == 2
        assert not set(server.serving()) & set(old)
        lines = out.splitlines()
        assert "generation 2: site_code:application for 3 workers" in lines[0]
        assert sum(" serves" in line and "worker" in line for line in lines[:-1]) >= 3
        assert sum(" leaves" in line for line in lines) == 3
        assert lines[-1].startswith("generation 2 serves, after ")
        server.wait(lambda: server.notify.keys().count("READY") == 2, "READY=1 again")
        texts = str(server.notify.messages)
        assert "importing generation 2" in texts and "replaced so far" in texts


def test_a_client_that_does_not_wait_is_answered_at_once():
    with site() as server:
        write(server, 2, "import gates\ngates.wait('import')")
        status, out, _ = reload(server, "--no-wait")
        assert status == 0 and "begun" in out
        server.gates.arrived("import").release()
        server.wait(lambda: version_of(server) == 2, "the new code")


def test_a_client_that_waits_for_a_time_only_is_told_how_far_it_is():
    with site() as server:
        write(server, 2, "import gates\ngates.wait('import')")
        status, _, err = reload(server, "--timeout", "0.3")
        assert status == 1
        assert "not complete after 0.3 s (generation 2: " in err
        server.gates.arrived("import").release()
        server.wait(lambda: version_of(server) == 2, "the new code")


# What is wrong with the code; settings; words of the reason.
BROKEN = {
    "import error": ("import no_such_module", {}, ["ModuleNotFoundError", "site_code.py"]),
    "missing attribute": ("del application", {}, ["has no attribute 'application'"]),
    "import that hangs": ("import time\ntime.sleep(999)", {"boot_timeout": 1},
                          ["boot_timeout"]),
    "health check that fails": (
        "def application(environ, start_response):\n    raise ValueError('sick')\n",
        {"health_check": "/health"}, ["health check /health", "ValueError: sick"]),
    "health check that hangs": (
        "import time\ndef application(environ, start_response):\n    time.sleep(999)\n",
        {"health_check": "/", "health_check_timeout": 0.5}, ["health check in time"]),
    "hook that raises": ("def hook(info):\n    1/0\n", {"post_fork": "site_code:hook"},
                         ["post_fork", "ZeroDivisionError"]),
    "hook that is missing": ("", {"post_fork": "site_code:no_hook"}, ["no_hook"]),
    "configuration error": ("", {"workres": 3}, ["monodon.yaml", "workres"]),
    "no interpreter": ("", {"python": "/nowhere/python"}, ["/nowhere/python"]),
}


@pytest.mark.parametrize("preload", [True, False])
@pytest.mark.parametrize("what", BROKEN)
def test_broken_code_is_refused_and_nobody_notices(what, preload):
    more, settings, words = BROKEN[what]
    with site(expect=["."], config={"preload": preload}) as server:
        old = server.await_workers(2)
        with Traffic(server.address, slow=SLOW) as traffic:
            write(server, 2, more)
            server.write_config(**settings)
            status, _, err = reload(server)
            assert status == 1 and err.startswith("monodon reload: refused: "), err
            assert not [word for word in words if word not in err], err
            assert server.serving() == old
            write(server, 3)
            server.write_config(**dict.fromkeys(settings))
            if "python" in settings:
                server.write_config(python=paths.PYTHON)
            assert reload(server)[0] == 0
            traffic.from_now(3)
    assert traffic.clean, traffic.report
    assert set(traffic.report["answers"]) <= {"1", "3"}


DIES = """
import os
good = application
def application(environ, start_response):
    if environ['PATH_INFO'] == '/die':
        os.kill(os.getpid(), 11)
    return good(environ, start_response)
"""


def test_a_worker_that_dies_at_its_first_request_brings_the_old_code_back():
    with site(expect=["."], config={"observe": 60}) as server:
        server.await_workers(2)
        with Traffic(server.address, slow=SLOW) as traffic:
            write(server, 2, DIES)
            going = begin(server)
            server.await_log("watching them", timeout=30)
            with server.connect() as victim:
                victim.send(b"GET /die HTTP/1.1\r\nHost: x\r\n\r\n")
                assert victim.closed()
            status, out, err = finish(going)
            assert status == 1
            assert err.startswith("monodon reload: rolled back: worker "), err
            assert "SIGSEGV" in err and "GET /die" in err
            assert "going back to generation 1" in out
            assert version_of(server) == 1
            server.write_config(observe=None)
            write(server, 3)
            assert reload(server)[0] == 0
            traffic.from_now(3)
    # Only what hung on the worker that died.
    assert set(traffic.report["errors"]) <= {"idle eof", "idle reset"}, traffic.report


def test_new_code_that_answers_more_errors_is_rolled_back():
    fails = """
def application(environ, start_response):
    start_response('500 No', [('Content-Length', '0')])
    return []
"""
    with site(expect=["."], config={"observe": 60}) as server:
        server.await_workers(2)
        write(server, 2, fails)
        going = begin(server)
        server.await_log("watching them", timeout=30)
        for _ in range(8):
            server.get("/")
        status, _, err = finish(going)
        assert status == 1 and "requests with 5xx" in err
        assert version_of(server) == 1


@pytest.mark.parametrize("preload", [True, False])
def test_the_health_check_is_made_before_a_worker_serves_and_only_in_a_reload(preload):
    more = ("import gates\ngood = application\n"
            "def application(environ, start_response):\n"
            "    if environ['PATH_INFO'] == '/health':\n"
            "        gates.record('health', environ['HTTP_HOST'])\n"
            "    return good(environ, start_response)\n")
    with site(config={"preload": preload,
                      "health_check": "http://site.test/health"}) as server:
        server.await_workers(2)
        write(server, 2, more)
        assert reload(server)[0] == 0
        lines = open(server.path("ledger")).read().split("\n")[:-1]
        pids = {int(line.split()[2]) for line in lines}
        assert {line.split()[1] for line in lines} == {"site.test"}
        assert pids == set(server.serving())
        os.kill(server.serving()[0], signal.SIGTERM)  # recycled: no health check
        server.await_workers(2, without=[min(pids)])
        assert open(server.path("ledger")).read().count("health") == len(lines)


def test_reloads_one_after_the_other_are_not_noticed():
    with site() as server:
        with Traffic(server.address, slow=SLOW) as traffic:
            for version in range(2, 102 if LONG else 8):
                write(server, version)
                status, _, err = reload(server)
                assert status == 0, err
                traffic.from_now(version)
    assert traffic.clean, traffic.report


def test_an_import_that_takes_long_is_not_noticed():
    with site() as server:
        with Traffic(server.address, slow=SLOW) as traffic:
            for version in range(2, 22 if LONG else 4):
                seconds = 4 if LONG else 0.5
                write(server, version, f"import time\ntime.sleep({seconds})")
                assert reload(server)[0] == 0
                traffic.from_now(version)
    assert traffic.clean, traffic.report


def test_of_reloads_that_come_meanwhile_only_the_last_counts():
    with site() as server:
        write(server, 2, "import gates\ngates.wait('import')")
        first = begin(server)
        held = server.gates.arrived("import")
        later = []
        for version in range(3, 6):
            write(server, version)
            later.append(begin(server))
            assert "another reload is under way" in later[-1].stdout.readline()
        held.release()
        assert finish(first)[0] == 0
        for process in later:
            status, out, _ = finish(process)
            assert status == 0 and "generation 3 serves" in out
        assert version_of(server) == 5


def test_a_storm_of_reloads_is_not_noticed():
    with site() as server:
        with Traffic(server.address, slow=SLOW) as traffic:
            for version in range(2, 12):
                write(server, version)
                server.send_signal(signal.SIGHUP)
                time.sleep(0.1)
            assert reload(server)[0] == 0
            traffic.from_now(11)
    assert traffic.clean, traffic.report


def test_a_stop_during_a_reload_tells_those_who_wait():
    with site() as server:
        write(server, 2, "import gates\ngates.wait('import')")
        waiting = begin(server)
        server.gates.arrived("import")
        assert server.stop() == 0
        status, _, err = finish(waiting)
        assert status == 1 and "the server stops" in err


def test_a_master_that_is_killed_is_told_apart():
    with site() as server:
        write(server, 2, "import gates\ngates.wait('import')")
        waiting = begin(server)
        held = server.gates.arrived("import")
        server.send_signal(signal.SIGKILL)
        server.await_exit()
        status, _, err = finish(waiting)
        assert status == 1 and "closed the connection" in err
        held.release()


def test_settings_that_need_no_new_workers_hold_although_the_code_is_refused():
    with site(expect=["."]) as server:
        old = server.await_workers(2)
        write(server, 2, "import no_such_module")
        server.write_config(workers=3, max_surge=2, backlog=99)
        status, out, _ = reload(server)
        assert status == 1
        assert "in force now: workers, max_surge" in out
        assert "needs a restart: backlog" in out
        assert set(old) < set(server.await_workers(3))


def test_a_release_by_symbolic_link_is_followed_by_each_generation():
    server = Server("site_code:application", config={"python_path": [str(paths.APPS)]})
    for version in (1, 2, 3):
        release = server.path(f"releases/{version}")
        os.makedirs(release)
        server.write(f"releases/{version}/site_code.py", CODE.format(version=version, more=LAZY))
        server.write(f"releases/{version}/late.py", f"VERSION = {version}\n")
    point(server, 1)
    server.config["directory"] = server.path("current")
    with server:
        server.await_workers(2)
        for version in (2, 3, 1):
            before = version_of(server)
            point(server, version)
            # Code that is imported late is of the release of its generation.
            assert server.get("/late").body == str(before).encode()
            assert reload(server)[0] == 0
            assert version_of(server) == version
            assert server.get("/late").body == str(version).encode()


LAZY = """
good = application
def application(environ, start_response):
    if environ['PATH_INFO'] != '/late':
        return good(environ, start_response)
    from late import VERSION
    start_response('200 OK', [('Content-Length', '1')])
    return [b'%d' % VERSION]
"""


def point(server, version):
    os.symlink(f"releases/{version}", server.path("next"))
    os.rename(server.path("next"), server.path("current"))


HOOKS = """
import gates
def forked(info):
    gates.record('forked', f'{info.slot}/{info.generation}/{info.threads}/{info.pid}')
    try:
        info.slot = 5
    except AttributeError:
        gates.record('readonly', info.pid)
def stopping(info):
    gates.record('stopping', info.pid)
    raise ValueError('told in the log, and nothing else')
"""


@pytest.mark.parametrize("preload", [True, False])
def test_the_hooks_of_an_application_run_in_each_worker(preload):
    server = site(expect=["."], config={"preload": preload, "pre_stop": "site_code:stopping",
                                        "post_fork": "site_code:forked"})
    write(server, 1, HOOKS)
    with server:
        workers = server.await_workers(2)
        told = open(server.path("ledger")).read()
        for slot, pid in enumerate(workers):
            assert f"/1/1/{pid} {pid}\n" in told and f"readonly {pid}" in told, slot
        assert server.stop() == 0
        told = open(server.path("ledger")).read()
        assert all(f"stopping {pid}" in told for pid in workers)
        assert any("told in the log" in line for line in server.log.lines)


def test_without_a_control_socket_the_way_out_is_told(tmp_path):
    done = subprocess.run(
        [str(paths.MONODON), "reload"], cwd=tmp_path, capture_output=True, text=True,
        env={"PATH": os.environ["PATH"]}, timeout=20 * PATIENCE, check=False)
    assert done.returncode == 1
    assert "no control socket" in done.stderr and "SIGHUP" in done.stderr


def test_workers_that_are_killed_during_reloads_lose_only_what_they_ran():
    with site(expect=["."], config={"workers": 3}) as server:
        server.await_workers(3)
        with Traffic(server.address, slow=SLOW) as traffic:
            for version in range(2, 22 if LONG else 6):
                write(server, version)
                going = begin(server)
                killed = server.serving()[version % 2]
                os.kill(killed, signal.SIGKILL)
                status, _, err = finish(going)
                # A new worker that was hit is a reason to go back; so is no other.
                assert status == 0 or "SIGKILL" in err, err
                server.await_workers(3, timeout=30)
            write(server, 100)
            assert reload(server)[0] == 0
            traffic.from_now(100)
    lost = traffic.report["errors"]
    assert set(lost) <= {"eof", "reset", "idle eof", "idle reset"}, traffic.report
