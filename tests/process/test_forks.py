# SPDX-License-Identifier: Apache-2.0
"""Processes that the application forks: they are not the worker, and never answer for it."""

import json
import re
import signal

import pytest
from support.client import request as asking
from support.server import Server

EVERY_WAY = ["fork", "_Fork", "clone", "c_fork"]
WITH_HANDLERS = ["fork", "c_fork"]  # of pthread_atfork


@pytest.fixture(scope="module", params=[1, 3], ids=["one-thread", "three-threads"])
def server(request):
    with Server("forking:application", config={
            "workers": 1, "threads": request.param, "log_level": "info",
            "early_hints": True}) as running:
        yield running


def ways(server):
    """Without a handler, a child of one of several threads may wait for locks of the rest
    for ever, whatever a server does."""
    return EVERY_WAY if server.config["threads"] == 1 else WITH_HANDLERS


@pytest.mark.parametrize("does, status", [
    ("return", 0), ("exit", 3), ("raise", 1), ("say", 1), ("write", 1), ("hint", 1)])
def test_a_child_that_comes_out_of_its_view_ends_and_answers_nobody(server, does, status):
    mark = len(server.log.lines)
    worker = server.get("/pid").body
    with server.connect() as connection:
        for how in ways(server):
            answer = connection.get(f"/child?how={how}&does={does}")
            assert (answer.status, answer.body) == (200, str(status).encode()), how
            assert answer.header("X-From") == "parent" and not answer.interim
            # What comes next on the connection is the answer to what was asked next.
            assert connection.get("/pid").body == worker
    said = {"return": "came out of its code", "raise": "ValueError: a mistake in a child",
            "say": "the last words of a child", "write": "the client belongs to",
            "hint": "the client belongs to"}
    if does in said:
        server.await_log(said[does], after=mark)
    else:
        assert not any("Traceback" in line for line in server.log.lines[mark:])


def test_a_child_that_exits_waits_for_the_threads_that_it_started(server):
    with server.connect() as connection:
        connection.send(asking(target="/child?how=fork&does=work"))
        server.gates.arrived("work").release("done")
        assert connection.response().body == b"3"
    assert server.ledger.ids("work") == ["done"]
    server.ledger.clear()


@pytest.mark.parametrize("where", ["iteration", "close"])
def test_a_child_that_comes_out_of_an_answer_ends(server, where):
    with server.connect() as connection:
        answer = connection.get(f"/child?how=fork&where={where}")
        assert answer.body == (b"x0" if where == "iteration" else b"x")
        assert connection.get("/pid").status == 200
    if where == "close":
        server.wait(lambda: server.ledger.ids("closed"), "the end of the child")


def test_a_child_holds_nothing_of_its_worker(server):
    with server.connect():  # another connection, which is none of the child's business
        for how in WITH_HANDLERS:
            own, child = json.loads(server.get(f"/holds?how={how}").body)
            kinds = re.compile(r"socket:|\[event|monodon-page")
            shared = set(child["descriptors"].values()) & set(own["descriptors"].values())
            assert len([v for v in own["descriptors"].values() if kinds.search(v)]) > 6
            assert not [value for value in shared if kinds.search(value)]
            assert own["pages"] and not child["pages"]
            terminate = 1 << (signal.SIGTERM - 1)
            assert int(own["caught"], 16) & terminate
            assert not int(child["caught"], 16) & terminate
            assert "SIG_DFL" in child["term"] and "default_int_handler" in child["int"]
        _, child = json.loads(server.get("/holds?how=fork").body)
        assert child["wakeup"] == -1
    for how in ways(server):
        _, child = json.loads(server.get(f"/holds?how={how}").body)
        assert not child["pages"]


@pytest.mark.parametrize("what, said", [
    ("fork", "285"), ("spawn", "285"), ("forkserver", "285"), ("pool", "285"),
    ("terminate", "-15"), ("system", "4"), ("subprocess", "5")])
def test_what_python_does_with_processes_works(server, what, said):
    assert server.get(f"/mp?what={what}").body == said.encode()


@pytest.mark.parametrize("how", EVERY_WAY)
@pytest.mark.parametrize("length", ["", "&length=1"], ids=["until-the-end", "of-known-length"])
def test_a_connection_ends_when_its_worker_ends_it_whatever_a_child_holds(server, how, length):
    if how not in ways(server) or (length and how not in WITH_HANDLERS):
        pytest.skip("nothing tells the worker of that child")
    with server.connect() as connection:
        connection.old = True
        target = f"/held?how={how}&gate=child{length}"
        connection.send(asking(target=target, version="1.0"))
        answer = connection.response()
        assert answer.body == b"x" and (answer.framing == "length") == bool(length)
        assert connection.closed() == "eof"
        server.gates.arrived("child").release()


def test_what_is_registered_for_the_end_runs_once_in_the_worker_alone():
    with Server("forking:application", config={"workers": 1}) as server:
        worker = server.get("/pid").body.decode()
        assert server.get("/child?how=fork&does=exit").body == b"3"
        server.stop()
        assert server.ledger.ids("atexit") == [worker]


def test_a_child_that_a_hook_leaves_behind_is_not_a_second_worker():
    with Server("forking:application", config={
            "workers": 1, "post_fork": "forking:fork_and_return"}) as server:
        server.await_log("came out of its code")
        worker, = server.workers()
        assert {server.get("/pid").body for _ in range(4)} == {str(worker).encode()}


def test_a_helper_started_at_the_import_keeps_no_port_open():
    with Server("forking:application", config={"workers": 1},
                environment={"FORKING_HELPER": "1"}) as server:
        own, helper = (told["descriptors"] for told in json.loads(server.get("/helper").body))
        sockets = {v for v in own.values() if v.startswith("socket:")}
        assert len(sockets) > 3 and not sockets & set(helper.values())


def test_a_child_of_an_event_loop_ends_before_it_waits_for_anybody():
    with Server("forking_asgi:application", config={
            "workers": 1, "interface": "asgi", "request_timeout": 5}) as server:
        worker, = server.await_workers(1)
        for how in EVERY_WAY:
            for when in ("first", "later"):
                for does, status in (("return", 0), ("exit", 3), ("raise", 1), ("answer", 1),
                                     ("wait", 0)):
                    case = f"/?how={how}&when={when}&does={does}"
                    assert server.get(case).body == str(status).encode(), case
                    assert server.get().body == str(worker).encode()
        assert not [pid for pid in server.processes()
                    if pid not in (server.pid, worker, *server.zygotes())]
        assert any("ValueError: a mistake in a child" in line for line in server.log.lines)
