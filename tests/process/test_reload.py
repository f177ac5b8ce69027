# SPDX-License-Identifier: Apache-2.0
"""`monodon reload`: a transaction that is committed, refused or rolled back, and whose
client is told which, and why. (That nobody else notices: test_deploys.py.)
"""

import os
import re
import signal
import subprocess
import venv

import pytest
from support import paths
from support.client import Truncated, request
from support.server import Server
from support.until import PATIENCE
from support.versions import (
    BROKEN, CODE, begin, break_it, finish, reload, site, version_of, write)


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


def test_a_client_that_is_interrupted_says_that_the_server_goes_on():
    with site() as server:
        server.await_workers(2)
        write(server, 2, "import gates\ngates.wait('import')")
        client = begin(server)
        held = server.gates.arrived("import")
        assert client.stdout.readline().startswith("generation 2: ")
        client.send_signal(signal.SIGINT)
        status, _, err = finish(client)
        assert status == -signal.SIGINT
        assert "the server goes on with the reload; `monodon status` shows" in err
        held.release()
        server.wait(lambda: server.status()["generation"] == 2, "the new code")


def test_a_client_that_waits_for_a_time_only_is_told_how_far_it_is():
    with site() as server:
        write(server, 2, "import gates\ngates.wait('import')")
        seconds = 3 * PATIENCE
        status, _, err = reload(server, "--timeout", str(seconds))
        assert status == 1
        assert f"not complete after {seconds:g} s (generation 2: " in err
        server.gates.arrived("import").release()
        server.wait(lambda: version_of(server) == 2, "the new code")


@pytest.mark.parametrize("preload", [True, False])
@pytest.mark.parametrize("what", BROKEN)
def test_broken_code_is_refused_and_the_reason_told(what, preload):
    with site(expect=["."], config={"preload": preload}) as server:
        old = server.await_workers(2)
        put_right = break_it(server, what, 2)
        status, _, err = reload(server)
        assert status == 1 and err.startswith("monodon reload: refused: "), err
        assert not [word for word in BROKEN[what][2] if word not in err], err
        # What is last on the screen is the reason, whatever was quoted above it.
        assert "\\x0a" not in err and BROKEN[what][2][-1] in err.splitlines()[-1], err
        assert server.serving() == old
        assert version_of(server) == 1
        put_right()
        write(server, 3)
        assert reload(server)[0] == 0
        assert version_of(server) == 3


def test_a_very_long_reason_is_told_in_short_and_the_log_has_more():
    with site(expect=["."]) as server:
        write(server, 2, "raise ValueError('\\n'.join(['row äö'] * 50_000))")
        status, _, err = reload(server)
        assert status == 1 and len(err) < 6000
        assert err.splitlines()[-1] == "ValueError: row äö"
        assert re.search(r"\n\.\.\. \d+ bytes are left out here; the server's error log has", err)
        assert 12_000 < len("".join(server.log.lines)) < 40_000
        assert any("characters of this exception are left out" in one
                   for one in server.log.lines)


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


# Code of a new generation, and settings, with which a reload stays in a step.
STAYS = {
    "import": ("import gates\ngates.wait('here')", {}),
    "canary": ("def hook(_):\n    import gates\n    gates.wait('here')\n",
               {"post_fork": "site_code:hook"}),
    "canary's health check": (
        "import gates\ndef application(environ, start_response):\n    gates.wait('here')\n",
        {"health_check": "/"}),
    "observing": ("", {"observe": 60}),
    "going back": ("def application(environ, start_response):\n"
                   "    __import__('gates').wait('here')\n"
                   "    __import__('os').abort()\n", {"observe": 60}),
}


@pytest.mark.parametrize("step", STAYS)
def test_a_stop_in_any_step_of_a_reload_ends_it_and_tells_those_who_wait(step):
    code, settings = STAYS[step]
    with site(expect=["."]) as server:
        server.await_workers(2)
        write(server, 2, code)
        server.write_config(**settings)
        waiting = begin(server)
        if settings.get("observe"):
            server.await_log("watching them", timeout=30)
        else:
            server.gates.arrived("here", 30)
        if step == "going back":
            with server.connect() as dying, server.connect() as held:
                held.send(request(target="/"))
                still = server.gates.arrived("here")
                dying.send(request(target="/"))
                server.gates.arrived("here").release()
                server.await_log("generation 2 is rolled back")
                server.send_signal(signal.SIGTERM)
                still.release()
                assert server.await_exit() == 0
        else:
            assert server.stop() == 0
        status, _, err = finish(waiting)
        assert status == 1 and ("the server stops" in err or step == "going back"), err


def test_a_stop_while_workers_are_replaced_lets_the_old_one_finish():
    with site() as server:
        write(server, 1, HELD)
        assert reload(server)[0] == 0
        with server.connect() as connection:
            connection.send(request(target="/held"))
            held = server.gates.arrived("held")
            write(server, 2)
            waiting = begin(server)
            server.await_log("generation 3 takes over")
            server.send_signal(signal.SIGTERM)
            server.wait(lambda: server.notify.has("STOPPING"), "STOPPING=1")
            held.release()
            assert connection.response().status == 200
            assert server.await_exit() == 0
        status, _, err = finish(waiting)
        assert status == 1 and "the server stops" in err


HELD = """
import gates
good = application
def application(environ, start_response):
    if environ['PATH_INFO'] == '/held':
        gates.wait('held')
    return good(environ, start_response)
"""


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
        # What is taken back is what is in force.
        server.write_config(workers=3, max_surge=2, backlog=None)
        assert "needs a restart" not in reload(server)[1]


def test_a_release_by_symbolic_link_is_followed_by_each_generation():
    """Everything of a site is in its release: code, interpreter and settings."""
    server = Server("site_code:application", config={"python_path": [str(paths.APPS)]})
    server.config["directory"] = server.path("current")
    server.config["python"] = server.path("current/.venv/bin/python")
    for version in (1, 2, 3):
        release = server.path(f"releases/{version}")
        venv.create(release + "/.venv", symlinks=True)
        server.write(f"releases/{version}/site_code.py", CODE.format(version=version, more=LAZY))
        server.write(f"releases/{version}/late.py",
                     "import os, sys\n"
                     f"WHERE = ' '.join(['{version}', sys.prefix, os.environ['RELEASE']])\n")
        server.write_config(environment={"RELEASE": str(version)})
        os.rename(server.path("monodon.yaml"), release + "/monodon.yaml")
    point(server, 1)
    server.command = ["serve", "-c", server.path("current/monodon.yaml"), server.app]

    def all_are_of(version):
        # Code that is imported late is of the release of its generation, too.
        place = server.path(f"releases/{version}/.venv")
        return server.get("/late").body.decode() == f"{version} {place} {version}"
    with server:
        server.await_workers(2)
        for version in (2, 3, 1):
            before = version_of(server)
            point(server, version)
            assert all_are_of(before)
            assert reload(server)[0] == 0
            assert all_are_of(version)


LAZY = """
good = application
def application(environ, start_response):
    if environ['PATH_INFO'] != '/late':
        return good(environ, start_response)
    from late import WHERE
    start_response('200 OK', [('Content-Length', str(len(WHERE)))])
    return [WHERE.encode()]
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


def test_without_a_control_socket_the_way_out_is_told():
    # Whoever has no server: root would find those of others that run here.
    nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(
        [str(paths.MONODON), "reload"], cwd="/", capture_output=True, text=True, **nobody,
        env={"PATH": os.environ["PATH"]}, timeout=20 * PATIENCE, check=False)
    assert done.returncode == 1
    assert "no control socket" in done.stderr and "SIGHUP" in done.stderr


DIES = """
import os
BROKEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "broken")
if os.path.exists(BROKEN):
    raise RuntimeError("broken by a request")
def application(environ, start_response):
    open(BROKEN, "w").close()
    os._exit(3)
"""


def test_a_roll_back_that_cannot_be_completed_keeps_nobody_waiting():
    config = {"preload": False, "observe": 3, "rehearse": 0}
    with site(config=config, expect=["."]) as server:
        server.await_workers(2)
        write(server, 2, DIES)  # where the old code was, which nobody can import from then on
        client = begin(server)

        def over():
            try:
                server.get("/?n=1")
            except (OSError, Truncated):
                pass  # the worker has died of it
            return client.poll() is not None

        server.wait(over, "the end of the reload", 60)
        status, _, err = finish(client)
        assert status == 1
        assert "cannot be kept serving either" in err, err
        assert "import from the disk" in err, err
        # The way out works.
        write(server, 3)
        assert reload(server)[0] == 0
        assert version_of(server) == 3
