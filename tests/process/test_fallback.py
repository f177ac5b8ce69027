# SPDX-License-Identifier: Apache-2.0
"""New code that was committed and cannot be kept: the code before it comes back by
itself, once, and everybody who asks is told.
"""

import os
import signal

import pytest
from support import proc
from support.traffic import Traffic
from support.versions import begin, finish, reload, site, version_of, write

# Dies in the request for /die; else as good as any.
DIES_IN_A_REQUEST = """
import os
good = application
def application(environ, start_response):
    if environ["PATH_INFO"] == "/die":
        os.abort()
    return good(environ, start_response)
"""
# Dies between two requests, once the file is there.
DIES_BY_ITSELF = """
import os, threading, time
def hook(worker):
    def watch():
        while not os.path.exists(os.environ["GATES_DIRECTORY"] + "/die"):
            time.sleep(0.01)
        os.abort()
    threading.Thread(target=watch, daemon=True).start()
"""
DEFAULT = {"observe": None, "fallback": None}  # as without a word about them


def status_text(server):
    return [m["STATUS"] for m in server.notify.messages if "STATUS" in m][-1]


def die_in_requests(server, times):
    for _ in range(times):
        with server.connect() as connection:
            connection.send(b"GET /die HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.closed()
        server.await_workers(2)


def test_with_default_settings_three_deaths_in_a_request_bring_the_old_code_back():
    with site(config=DEFAULT, expect=["."]) as server:
        server.await_workers(2)
        write(server, 2, DIES_IN_A_REQUEST)
        status, out, err = reload(server)
        assert status == 0, err
        assert "watching their answers for 3.0 s" in out
        assert out.splitlines()[-1].endswith("; generation 1 can come back for 5 min")
        parked = server.status()["fallback"]
        assert parked["generation"] == 1 and 200 < parked["seconds"] <= 300
        die_in_requests(server, 3)
        server.await_log("generation 2 was committed and cannot be kept; the code before "
                         "it comes back: 3 workers died while they ran a request")
        server.wait(lambda: version_of(server) == 1, "the old code")
        server.await_workers(2)

        said = server.status()
        assert said["fallback"] is None and said["generation"] == 1
        assert "generation 2 was committed and could not be kept" in said["fell_back"]
        assert "SIGABRT" in said["fell_back"]
        assert said["reloads"]["fell_back"] == 1
        assert any(event["kind"] == "generation_fell_back" for event in said["events"])
        server.wait(lambda: "could not be kept" in status_text(server), "STATUS=")

        write(server, 3)
        status, out, _ = reload(server)
        assert status == 0
        assert out.startswith("before this: generation 2 was committed and could not be")
        assert version_of(server) == 3
        assert server.status()["fell_back"] == ""
        server.wait(lambda: "could not be kept" not in status_text(server), "STATUS=")


def test_workers_that_cannot_be_kept_bring_the_old_code_back():
    server = site(config={"fallback": None, "post_fork": "site_code:hook"}, expect=["."])
    write(server, 1, "def hook(worker): pass\n")
    with server:
        server.await_workers(2)
        with Traffic(server.address, rate=50, slow=60.0, timeout=60.0) as traffic:
            write(server, 2, DIES_BY_ITSELF)
            assert reload(server)[0] == 0
            server.write("die", "")
            server.await_log("no worker can be kept serving, after [4-9] failures in a row",
                             timeout=30)
            server.wait(lambda: version_of(server) == 1, "the old code")
            server.await_workers(2)
        assert server.status()["generation"] == 1
        assert not [kind for kind in traffic.report["errors"] if "wrong" in kind], (
            traffic.report)


# Serves well, and crashes after a while, as with a thread of its own that is broken.
CRASHES_LATER = """
import os, threading, time
def hook(worker):
    def end():
        while not os.path.exists(os.environ["GATES_DIRECTORY"] + "/die"):
            time.sleep(0.01)
        time.sleep(0.6)
        os._exit(3)
    threading.Thread(target=end, daemon=True).start()
"""


def test_workers_that_serve_for_a_moment_only_bring_the_old_code_back():
    server = site(config={"fallback": None, "post_fork": "site_code:hook"}, expect=["."])
    write(server, 1, "def hook(worker): pass\n")
    with server:
        server.await_workers(2)
        with Traffic(server.address, rate=80, slow=60.0, timeout=60.0):
            write(server, 2, CRASHES_LATER)
            assert reload(server)[0] == 0
            server.write("die", "")
            server.await_log("no worker can be kept serving, after .*exit status 3", timeout=30)
            server.wait(lambda: version_of(server) == 1, "the old code")
            server.await_workers(2)


def test_more_errors_after_the_commit_are_told_and_change_nothing():
    fails = """
def application(environ, start_response):
    start_response('500 No', [('Content-Length', '0')])
    return []
"""
    with site(config={"fallback": None}, expect=["answers worse"]) as server:
        server.await_workers(2)
        write(server, 2, fails)
        assert reload(server)[0] == 0
        for _ in range(8):
            assert server.get("/").status == 500
        server.await_log(r"generation 2 answers worse than the code before: .* of .* 5xx")
        assert server.status()["generation"] == 2
        assert server.status()["fallback"]["generation"] == 1


# Needs a database, which is a file here.
USES_A_DATABASE = """
import os
good = application
def application(environ, start_response):
    if not os.path.exists(os.environ["GATES_DIRECTORY"] + "/database"):
        raise ConnectionError("the database does not answer")
    return good(environ, start_response)
"""


@pytest.mark.parametrize("moment", ["is tried with one worker", "watching them"])
def test_with_default_settings_a_database_that_dies_meanwhile_changes_nothing(moment):
    with site(config=DEFAULT | {"rehearse": None},
              expect=["answers worse", "raised", "does not answer"]) as server:
        server.write("database", "")
        write(server, 1, USES_A_DATABASE)
        assert reload(server)[0] == 0
        for _ in range(20):
            assert server.get("/").status == 200
        write(server, 2, USES_A_DATABASE)
        going, seen = begin(server), len(server.log.lines)
        server.await_log(moment, timeout=30, after=seen)
        os.unlink(server.path("database"))
        server.await_log("watching them", timeout=30, after=seen)
        for _ in range(8):
            assert server.get("/").status == 500
        status, out, err = finish(going)
        assert status == 0, err
        assert "requests with 5xx" in out and "nothing is done about it" in out
        said = server.status()
        assert said["generation"] == 3 and said["reloads"]["rolled_back"] == 0
        server.write("database", "")
        assert version_of(server) == 2


# As after a lock that is never given back: no request ends.
HANGS = """
import threading
def application(environ, start_response):
    threading.Event().wait()
"""


@pytest.mark.parametrize("threads", [1, 16])
def test_with_default_settings_code_that_hangs_in_each_request_brings_the_old_code_back(threads):
    config = DEFAULT | {"rehearse": None, "rehearse_timeout": 1, "request_timeout": 1,
                        "threads": threads}
    with site(config=config, expect=["."]) as server:
        server.await_workers(2)
        write(server, 2, HANGS)
        assert reload(server)[0] == 0  # an answer that does not come refuses nothing
        with Traffic(server.address, rate=20 * threads, slow=60.0, timeout=60.0):
            server.await_log("generation 2 was committed and cannot be kept; .*ran a request",
                             timeout=40)
        server.wait(lambda: version_of(server) == 1, "the old code")
        server.await_workers(2)


def test_a_parked_zygote_ends_with_its_time_with_the_next_commit_and_with_the_master():
    with site(config={"fallback": 0.5}) as server:
        server.await_workers(server.config["workers"])  # one that starts is taken for one
        first, = server.zygotes()
        write(server, 2)
        assert reload(server)[0] == 0
        server.await_log("generation 2 has stood for its time")
        server.wait(lambda: not proc.state(first), "the end of the first zygote")

        server.write_config(fallback=300)
        second, = server.zygotes()
        write(server, 3)
        assert reload(server)[0] == 0
        assert second in server.zygotes()
        write(server, 4)
        assert reload(server)[0] == 0
        server.wait(lambda: not proc.state(second), "the end of the second zygote")
        assert len(server.zygotes()) == 2
        server.restart(signal.SIGKILL)  # waits for every process of before to end
        assert version_of(server) == 4


def test_a_parked_zygote_that_dies_is_not_started_again():
    with site(config={"fallback": 300}, expect=["its zygote ended|zygote of generation 1"]
              ) as server:
        server.await_workers(server.config["workers"])  # one that starts is taken for one
        first, = server.zygotes()
        write(server, 2)
        assert reload(server)[0] == 0
        os.kill(first, signal.SIGKILL)
        server.await_log("its zygote ended: the code before generation 2 ends, and cannot")
        assert server.status()["fallback"] is None
        assert len(server.zygotes()) == 1


def test_without_old_code_in_memory_the_reload_says_what_going_back_cannot_do():
    with site(config={"fallback": 300, "preload": False}) as server:
        write(server, 2)
        status, out, _ = reload(server)
        assert status == 0
        assert "workers of generation 1 import from the disk" in out.splitlines()[-1]
