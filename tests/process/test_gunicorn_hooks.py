# SPDX-License-Identifier: Apache-2.0
"""The hooks of a gunicorn.conf.py are called, in the process that each is about."""

import json
import os
import re
import signal

import pytest
from support import paths
from support.client import Truncated
from support.server import Server
from support.versions import reload

HOOKS = """
import json
import os
import gates
os.environ["FROM_THE_FILE"] = "yes"
bind = "unix:not.used"
workers = 2
{more}

def when_ready(server):
    gates.record("when_ready", f"{server.pid}/{server.num_workers}")
    server.log.info("ready, says %s", server.cfg.bind)

def post_fork(server, worker):
    gates.record("post_fork", f"{server.pid}/{worker.pid}/{worker.age}")

def post_worker_init(worker):
    gates.record("post_worker_init", f"{worker.ppid}/{worker.pid}/{worker.age}")

def worker_exit(server, worker):
    gates.record("worker_exit", f"{worker.pid}/{worker.age}")

def child_exit(server, worker):
    gates.record("child_exit", f"{worker.pid}/{worker.age}/{worker.alive}")
"""
SITE = """
import json
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
    server.write("gunicorn.conf.py", hooks.replace("{more}", more))


@pytest.mark.parametrize("flags", [(), ("--no-preload",)])
def test_each_hook_is_called_where_gunicorn_would(flags):
    with site(flags=("--rehearse", "off", *flags)) as server:  # it is a worker to hooks
        workers = server.await_workers(2)
        zygote, = server.zygotes()
        master = server.pid
        ready, = server.ledger.entries("when_ready")
        assert (ready.id, int(ready.pid)) == (f"{master}/2", zygote)
        line = server.await_log("ready, says")
        assert re.fullmatch(rf"\[[0-9: +-]+\] \[{zygote}\] \[INFO\] ready, says \[.unix:.*/not.used.\]"
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
        assert len(server.ledger.entries("when_ready")) == 1
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


@pytest.mark.parametrize("hook", ["on_reload", "post_fork", "post_worker_init"])
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


def test_what_a_hook_wants_of_gunicorn_alone_is_told_and_the_site_serves():
    asks = "\ndef post_fork(server, worker):\n    worker.murder()\n"
    with site(expect=["post_fork was left at"]) as server:
        server.await_workers(2)
        write(server, hooks=HOOKS + asks)
        status, _, err = reload(server)
        assert status == 0, err
        assert "[WARNING]" in server.await_log("post_fork was left at: murder: is not there")


# What files that people have read of Gunicorn's objects.
READS = """
def _all(*values):
    gates.record("read", "/".join(str(value) for value in values))

def on_starting(server):
    _all("on_starting", server.cfg.workers, len(server.address), server.LISTENERS[0])

def on_reload(server):
    _all("on_reload")

def pre_fork(server, worker):
    _all("pre_fork", worker.age, worker.pid)

def when_ready(server):
    cfg = server.cfg
    assert not cfg.is_ssl and cfg.settings["workers"].get() == 2
    assert server.WORKERS == {} and server.log.error_log.handlers and str(cfg)
    _all("when_ready", cfg.timeout, cfg.keepalive, cfg.bind, cfg.worker_class_str,
         cfg.worker_class.__name__, cfg.proc_name, cfg.loglevel, cfg.uid == os.geteuid())

def post_worker_init(worker):
    assert worker.tmp.last_update() > 0 and worker.alive and worker.booted
    _all("post_worker_init", worker.app.callable.__name__, worker.wsgi is worker.app.wsgi(),
         worker.nr, worker.cfg.post_fork.__name__)
"""


def test_hooks_read_what_gunicorns_objects_have_with_the_merged_settings():
    server = site(flags=("--timeout", "77", "-b", "127.0.0.1:8077"))
    write(server, hooks=HOOKS + READS)
    with server:
        server.await_workers(2)
        told = [entry.id for entry in server.ledger.entries("read")]
        assert told[0].startswith("on_starting/2/") and told[1] == ("when_ready/77/75/['127.0.0.1:8077']/sync/SyncWorker/"
                           "hooked:application/info/True")
        assert sorted(told[2:]) == ["post_worker_init/application/True/0/post_fork"] * 2 + [
            "pre_fork/1/[booting]", "pre_fork/2/[booting]"]
        assert reload(server)[0] == 0
        assert server.ledger.entries("read")[len(told)].id == "on_reload"


def test_hooks_are_functions_or_their_dotted_names():
    named = """
workers = 1
on_starting = "named.starting"
post_worker_init = "named.init"
"""
    server = site()
    server.write("named.py", "import gates\n"
                 "def starting(server): gates.record('named', f'starting/{server.num_workers}')\n"
                 "def init(worker): gates.record('named', f'init/{worker.age}')\n")
    write(server, hooks=named)
    server.write("hooked.py", "from probe import application\n")
    with server:
        server.await_workers(1)
        assert [entry.id for entry in server.ledger.entries("named")] == [
            "starting/1", "init/1"]


AROUND = """
import gates
workers = 1

def pre_request(worker, req):
    headers = dict(req.headers)
    if req.path == "/refuse":
        raise ValueError("not this one")
    assert headers["HOST"] and req.version == (1, 1)
    gates.record("pre", f"{req.method},{req.uri},{req.path},{req.query},{worker.nr}")

def post_request(worker, req, environ, resp):
    kind = dict(resp.headers).get("Content-Type")
    gates.record("post", f"{req.path},{environ['REQUEST_METHOD']},{resp.status_code},"
                 f"{resp.sent},{kind}")
"""


def test_pre_request_and_post_request_are_called_around_each_request():
    server = site(expect=["application raised"])
    write(server, hooks=AROUND)
    server.write("hooked.py", """
def application(environ, start_response):
    start_response("201 Created", [("Content-Type", "text/plain")])
    return [b"abc", b"de"] if environ["PATH_INFO"] == "/list" else iter([b"abcdef"])
""")
    with server:
        server.await_workers(1)
        assert server.get("/list?a=1").body == b"abcde"
        assert server.get("/iterator").body == b"abcdef"
        assert server.get("/refuse").status == 500
        server.wait(lambda: len(server.ledger.entries("post")) == 3, "post_request")
        assert [entry.id for entry in server.ledger.entries("pre")] == [
            "GET,/list?a=1,/list,a=1,0", "GET,/iterator,/iterator,,1"]
        assert [entry.id for entry in server.ledger.entries("post")] == [
            "/list,GET,201,5,text/plain", "/iterator,GET,201,6,text/plain",
            "/refuse,GET,None,0,None"]


def test_arguments_are_those_that_gunicorn_would_have():
    server = site(flags=("-w", "1"))
    server.write("hooked.py", "import gates, sys\nfrom probe import application\n"
                              "gates.record('argv', ','.join(sys.argv[1:3]))\n")
    write(server, hooks="workers = 1\n")
    with server:
        server.await_workers(1)
        argv, = server.ledger.entries("argv")
        assert argv.id == f"-c,{server.path('gunicorn.conf.py')}"


SERVER = """
import gates
def nworkers_changed(server, now, before):
    gates.record("nworkers", f"{now}/{before}/{server.num_workers}")

def pre_exec(server):
    gates.record("pre_exec", server.pid)

def child_exit(server, worker):
    gates.record("child_exit", worker.pid)

def on_exit(server):
    gates.record("on_exit", server.pid)
"""


def test_the_hooks_of_the_server_are_called_in_the_zygote_of_the_code_that_serves():
    server = site()
    write(server, hooks="workers = 1\n" + SERVER)
    server.write("hooked.py", "from probe import application\n")
    with server:
        first, = server.await_workers(1)
        server.send_signal(signal.SIGTTIN)
        server.await_workers(2)
        server.send_signal(signal.SIGTTOU)
        server.wait(lambda: len(server.ledger.entries("child_exit")) == 1, "the second to go")
        assert [entry.id for entry in server.ledger.entries("nworkers")] == [
            "1/None/1", "2/1/2", "1/2/1"]
        old = server.zygotes()
        assert {int(entry.pid) for entry in server.ledger.entries("nworkers")} == set(old)
        server.send_signal(signal.SIGUSR2)
        server.await_log("upgraded to monodon", timeout=30)
        # Before the other program was there, which brings in its own zygote.
        pre_exec, = server.ledger.entries("pre_exec")
        assert (pre_exec.id, int(pre_exec.pid)) == (str(server.pid), old[0])
        server.await_log("generation 2 has taken over", timeout=30)
        last = server.ledger.entries("nworkers")[-1]
        new = int(last.pid)
        assert last.id == "1/1/1" and new in set(server.zygotes()) - set(old)
        assert not server.ledger.entries("on_exit")
        assert server.stop() == 0
        told, = server.ledger.entries("on_exit")
        assert int(told.pid) == new
        assert server.ledger.entries()[-1].what == "on_exit"


def test_an_upgrade_goes_on_when_pre_exec_fails():
    server = site(expect=["pre_exec raised"])
    write(server, hooks="workers = 1\ndef pre_exec(server):\n    1/0\n")
    server.write("hooked.py", "from probe import application\n")
    with server:
        server.await_workers(1)
        server.send_signal(signal.SIGUSR2)
        server.await_log("upgraded to monodon", timeout=30)
        server.await_log("ZeroDivisionError")


WORKER = """
import gates
def worker_int(worker):
    gates.record("worker_int", worker.pid)

def worker_abort(worker):
    gates.record("worker_abort", worker.pid)

def worker_exit(server, worker):
    gates.record("worker_exit", worker.pid)
"""


def interrupted(flags=(), **options):
    server = site(flags=flags, **options)
    write(server, hooks="workers = 1\n" + WORKER)
    server.write("hooked.py", "from probe import application\n")
    return server


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_a_worker_that_is_interrupted_calls_worker_int_and_is_replaced(number):
    with interrupted() as server:
        old = server.await_workers(1)
        os.kill(old[0], number)
        new = server.await_workers(1, without=old)
        server.wait(lambda: server.ledger.entries("worker_exit"), "worker_exit")
        told, = server.ledger.entries("worker_int")
        assert int(told.pid) == old[0]
        # A stop at once is one of each.
        server.send_signal(signal.SIGQUIT)
        assert server.await_exit() == 0
        assert [int(entry.pid) for entry in server.ledger.entries("worker_int")] == old + new
        assert [int(entry.pid) for entry in server.ledger.entries("worker_exit")] == old + new


@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_request_past_its_deadline_is_told_to_worker_abort(threads):
    with interrupted(flags=("--timeout", "1", "--threads", threads),
                     expect=["."]) as server:  # it is killed in the end
        old = server.await_workers(1)
        assert server.get("/spin").status == 504
        server.wait(lambda: server.ledger.entries("worker_abort"), "worker_abort")
        told, = server.ledger.entries("worker_abort")
        assert int(told.pid) == old[0]
        server.await_workers(1, without=old)


def test_a_crash_is_told_with_its_stack_where_worker_abort_is_a_hook():
    server = interrupted(expect=["."])
    server.write("hooked.py", "import os\ndef application(*_):\n    os.abort()\n")
    with server:
        server.await_workers(1)
        with pytest.raises(Truncated):
            server.get("/")
        server.await_log("Aborted")
        server.await_log("hooked.py., line 3 in application")


CHANGES = """
import gates
workers = 1

def pre_request(worker, req):
    req.headers = [field for field in req.headers if field[0] != "X-GONE"]
    req.headers.append(("X-ADDED", "yes"))
    req.method = "PUT"
    req.path = "/other%20path"
    worker.murder()

def post_worker_init(worker):
    inner = worker.wsgi
    def around(environ, start_response):
        environ["around"] = inner.__name__
        return inner(environ, start_response)
    worker.wsgi = around
"""


def test_what_pre_request_and_post_worker_init_change_is_what_is_called():
    server = site(expect=["pre_request was left at"])
    write(server, hooks=CHANGES)
    server.write("hooked.py", "from probe import application\n")
    with server:
        server.await_workers(1)
        for _ in range(2):
            seen = json.loads(server.get("/a?b=1", x_gone="1", x_kept="2").body)
            assert seen["REQUEST_METHOD"] == "PUT" and seen["PATH_INFO"] == "/other path"
            assert seen["QUERY_STRING"] == "b=1" and seen["around"] == "application"
            assert seen["HTTP_X_ADDED"] == "yes" and seen["HTTP_X_KEPT"] == "2"
            assert "HTTP_X_GONE" not in seen
        assert "murder: is not there" in server.await_log("pre_request was left at")
        assert sum("pre_request was left at" in line for line in server.log.lines) == 1
