# SPDX-License-Identifier: Apache-2.0
"""Starting and stopping, as systemd and as a shell see it."""

import json
import os
import re
import signal
import subprocess

import pytest
from support import paths, proc
from support.client import request
from support.server import Server


def test_ready_is_said_only_when_a_worker_serves():
    server = Server("slow_import:application")
    server.write("slow_import.py", "import gates\ngates.wait('import')\n"
                                   "from probe import application\n")
    try:
        server.spawn()
        held = server.gates.arrived("import")
        with server.connect() as connection:  # waits in systemd's socket meanwhile
            connection.send(request(target="/pid"))
            assert not server.notify.has("READY")
            held.release()
            assert connection.response().status == 200
        server.await_ready()
        server.finish()
    finally:
        server.close()


def test_systemd_hears_ready_then_stopping_and_the_exit_status_is_0():
    with Server() as server:
        assert server.get().status == 200
        assert server.stop() == 0
        keys = server.notify.keys()
        assert keys.count("READY") == 1 and keys.count("STOPPING") == 1
        assert keys.index("READY") < keys.index("STOPPING")
        assert any("STATUS" in message for message in server.notify.messages)
        assert not any("MAINPID" in message for message in server.notify.messages)


def test_the_watchdog_is_fed_by_the_loop_that_works():
    with Server(watchdog=0.4) as server:
        server.wait(lambda: sum("WATCHDOG" in m for m in server.notify.messages) >= 4,
                    "four keep-alive messages")
        times = [t for t, m in zip(server.notify.times, server.notify.messages)
                 if "WATCHDOG" in m]
        assert max(b - a for a, b in zip(times, times[1:])) < 0.4
        server.send_signal(signal.SIGSTOP)
        server.wait(lambda: proc.state(server.pid) == "T", "the master to stop")
        count = len(server.notify.messages)
        assert server.get().status == 200  # the workers do not need it
        assert len(server.notify.messages) == count
        server.send_signal(signal.SIGCONT)
        server.wait(lambda: len(server.notify.messages) > count, "the watchdog again")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_a_quick_stop_does_not_wait_for_requests(how):
    with Server(expect=["."]) as server:
        with server.connect() as connection:
            connection.send(request(target="/gate"))
            server.gates.arrived("gate")
            server.send_signal(how)
            assert server.await_exit(timeout=8) == 0
    assert "was killed by the master" not in server.log.text()  # it left when it was asked


def test_a_graceful_stop_finishes_requests_and_takes_no_more():
    with Server(config={"workers": 1}) as server:
        idle = server.connect()
        assert idle.get().status == 200
        with server.connect() as connection:
            connection.send(request(target="/gate?id=last"))
            held = server.gates.arrived("gate")
            server.send_signal(signal.SIGTERM)
            server.wait(lambda: server.notify.has("STOPPING"), "STOPPING=1")
            assert idle.closed() == "eof"
            late = server.connect()  # systemd's socket still takes it ...
            late.send(request(target="/?id=late"))
            held.release("done")
            answer = connection.response()
            assert answer.body == b"done" and answer.closes
        assert server.await_exit() == 0
        # ... for the next start: nobody has read it.
        assert "late" not in server.ledger.ids("start")
        server.status_code = None
        server.notify.messages.clear()
        server.start()
        assert late.response().status == 200
        late.close()


def test_graceful_timeout_ends_what_does_not_end():
    with Server(config={"graceful_timeout": 0.3}, expect=["."]) as server:
        with server.connect() as connection:
            connection.send(request(target="/gate"))
            server.gates.arrived("gate")
            assert server.stop(timeout=8) == 0
            assert connection.closed()


# -- exit statuses, as Gunicorn's ----------------------------------------------------


def run(server, timeout=20):
    server.spawn()
    try:
        return server.await_exit(timeout), server.log.text() + server.out.text()
    finally:
        server.close()


@pytest.mark.parametrize("app, status, text", [
    ("no_such_module:application", 3, "No module named 'no_such_module'"),
    ("broken:application", 3, "a mistake at import"),
    ("probe:no_such_name", 4, "no_such_name"),
    ("probe:PATHS", 4, "PATHS"),
])
def test_an_application_that_cannot_be_loaded(app, status, text):
    server = Server(app)
    server.write("broken.py", "raise ValueError('a mistake at import')\n")
    code, log = run(server)
    assert code == status, log
    assert text in log
    assert not server.notify.has("READY")
    if app.startswith("broken"):
        assert "broken.py" in log and "line 1" in log  # the traceback


def test_the_same_without_preload():
    server = Server("no_such_module:application", config={"preload": False})
    code, log = run(server)
    assert code == 3, log
    assert "No module named" in log


# The application, settings, and the reason that stderr, STATUS= and the log must have.
CANNOT_START = {
    "code that raises": ("broken:application", {}, "ValueError: a mistake at import"),
    "the same in each worker": ("broken:application", {"preload": False},
                                "ValueError: a mistake at import"),
    "no such name": ("probe:no_such_name", {}, "no_such_name"),
    "no interpreter": ("probe:application", {"python": "/no/python"}, "/no/python"),
}


@pytest.mark.parametrize("what", CANNOT_START)
def test_who_cannot_start_says_why_on_stderr_and_to_systemd_though_the_log_is_a_file(what):
    app, settings, reason = CANNOT_START[what]
    server = Server(app, config=dict(settings))
    server.config["error_log"] = server.path("error.log")
    server.write("broken.py", "raise ValueError('a mistake at import')\n")
    server.spawn()
    try:
        assert server.await_exit() != 0
        first, *_, last = ["", *server.log.lines][1:] + [server.log.lines[-1]]
        assert first.startswith("monodon: cannot start: ") and reason in first
        assert reason in last and "\\x0a" not in server.log.text()
        # systemd has it in its queue, perhaps, when the process is gone.
        server.watch.wait(lambda: any(
            message.get("STATUS", "").startswith("cannot start: ") and reason in message["STATUS"]
            for message in server.notify.messages), "the reason in STATUS=", 10)
        with open(server.path("error.log"), encoding="utf-8") as file:
            assert reason in file.read()
    finally:
        server.close()


def test_without_preload_no_zygote_claims_an_import():
    with Server(config={"preload": False}) as server:
        server.await_log("zygote of generation 1 .* is ready; each worker imports")
        assert not any("imported the application" in line for line in server.log.lines)


def test_a_configuration_error_is_1_and_names_every_problem():
    server = Server(config={"workres": 3, "threads": "many"})
    code, log = run(server)
    assert code == 1
    assert re.search(r"monodon\.yaml:\d+:\d+: workres: .*workers", log)
    assert re.search(r"monodon\.yaml:\d+:\d+: threads: ", log)


def test_an_unknown_option_is_2():
    code, log = run(Server(command=["serve", "--no-such-option", "probe:application"]))
    assert code == 2 and "no-such-option" in log


def test_an_interpreter_that_is_not_there_is_1_and_named():
    code, log = run(Server(config={"python": "/no/such/python"}))
    assert code == 1 and "/no/such/python" in log


# -- the drop-in ---------------------------------------------------------------------


def test_the_command_line_of_a_gunicorn_unit_works_unchanged():
    server = Server(sockets={"aclarknet.socket": "aclarknet.sock"})
    os.makedirs(server.path("logs"))
    server.write("aclarknet_site.py", "from probe import application\n")
    server.command = [
        "serve", "--workers", "3", "--bind", "unix:" + server.path("aclarknet.sock"),
        "--access-logfile", server.path("logs/gunicorn-access.log"),
        "--error-logfile", server.path("logs/gunicorn-error.log"),
        "--log-level", "info", "aclarknet_site:application"]
    server.environment |= {"PYTHONPATH": str(paths.APPS), "RUNTIME_DIRECTORY": server.scratch}
    inode = os.stat(server.path("aclarknet.sock")).st_ino
    with server:
        assert len(server.await_workers(3)) == 3
        answer = server.get("/hello?x=1", user_agent="curl/8", x_forwarded_for="192.0.2.7")
        assert json.loads(answer.body)["REMOTE_ADDR"] == "192.0.2.7"
        assert server.stop() == 0
        assert os.stat(server.path("aclarknet.sock")).st_ino == inode
        with open(server.path("logs/gunicorn-access.log"), encoding="ascii") as file:
            line = file.read()
        assert re.fullmatch(
            r'192\.0\.2\.7 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] '
            r'"GET /hello\?x=1 HTTP/1\.1" 200 \d+ "-" "curl/8"\n', line), line
        assert os.path.getsize(server.path("logs/gunicorn-error.log")) > 0


def test_gunicorn_cmd_args_and_web_concurrency_are_honoured():
    with Server(config={"workers": None}, environment={
            "WEB_CONCURRENCY": "3", "GUNICORN_CMD_ARGS": "--threads 2"}) as server:
        server.await_workers(3)
        facts = json.loads(server.get().body)
        assert facts["wsgi.multithread"] is True and facts["wsgi.multiprocess"] is True


def test_check_imports_the_application_and_says_what_failed():
    server = Server("broken:application")
    server.write("broken.py", "raise ValueError('a mistake at import')\n")
    server.write_config()
    config = ["-c", server.path("monodon.yaml")]

    def check(*words):
        return subprocess.run([paths.MONODON, "check", *config, *words], timeout=20,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env=server.environment, text=True, check=False)
    try:
        failed = check("broken:application")
        assert failed.returncode != 0 and "a mistake at import" in failed.stdout
        assert check("--no-app", "broken:application").returncode == 0
        good = check("probe:application")
        assert good.returncode == 0, good.stdout
    finally:
        server.close()


# -- what can be seen ----------------------------------------------------------------


def test_process_titles_tell_role_slot_generation_and_request():
    with Server(config={"workers": 1}) as server:
        assert proc.title(server.pid).startswith("monodon: master [probe:application]")
        zygote, = server.zygotes()
        assert re.match(r"monodon: zygote gen 1 \[probe:application\]", proc.title(zygote))
        worker, = server.workers()
        assert re.match(r"monodon: worker 0 gen 1 ", proc.title(worker))
        with server.connect() as connection:
            connection.send(request(target="/gate?secret=1"))
            held = server.gates.arrived("gate")
            server.wait(lambda: "GET /gate" in proc.title(worker), "the request in the title")
            assert "secret" not in proc.title(worker)
            held.release()
            connection.response()
            server.wait(lambda: "GET" not in proc.title(worker), "the plain title again")


def test_status_tells_what_every_worker_does():
    with Server() as server:
        server.await_workers(2)
        with server.connect() as connection:
            connection.send(request(target="/gate?secret=1", x_request_id="abc-123"))
            held = server.gates.arrived("gate")
            slots = server.status()["slots"]
            assert sorted(slot["pid"] for slot in slots if slot["pid"]) == server.workers()
            busy, = [slot for slot in slots if slot["pid"] == held.pid]
            assert busy["generation"] == 1
            text = json.dumps(busy)
            assert "GET /gate" in text and "abc-123" in text and "secret" not in text
            held.release()
            connection.response()
        table = subprocess.run(
            [paths.MONODON, "status", "--control", server.path("control.sock")],
            capture_output=True, text=True, check=True, timeout=20)
        assert all(str(pid) in table.stdout for pid in server.workers())


def test_pid_file_is_written_and_removed():
    server = Server()
    server.config["pid_file"] = server.path("pid")
    with server:
        with open(server.path("pid"), encoding="ascii") as file:
            assert file.read() == f"{server.pid}\n"
        assert server.stop() == 0
        assert not os.path.exists(server.path("pid"))


def test_the_application_gets_a_clean_process():
    with Server(config={"environment": {"PROBE_VALUE": "a b"}}) as server:
        facts = json.loads(server.get("/settled").body)
        assert int(facts["SigBlk"], 16) == 0
        assert facts["cwd"] == server.scratch and facts["value"] == "a b"
        assert facts["main"] is True  # threads: 1 runs the application in the main thread
        # A child of the application has the standard descriptors and its own listing's.
        assert server.get("/descriptors").body == b"[0, 1, 2, 3]\n"
        assert server.get("/fork").body == b"7"


def test_an_application_may_be_a_shared_library():
    with Server(f"native:{paths.NATIVE}:make_application", expect=["as asked"]) as server:
        answer = server.get("/whale")
        assert (answer.status, answer.body) == (200, b"/whale, worker started")
        assert server.get("/throw").status == 500
        assert server.get("/again").body == b"/again, worker started"


@pytest.mark.parametrize("entry, status", [("make_nothing", 3), ("absent", 4)])
def test_a_shared_library_that_is_no_application_is_told(entry, status):
    done = subprocess.run(
        [paths.MONODON, "check", f"native:{paths.NATIVE}:{entry}"],
        capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == status
    assert str(paths.NATIVE) in done.stderr
