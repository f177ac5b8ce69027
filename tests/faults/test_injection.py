# SPDX-License-Identifier: Apache-2.0
"""Every system call of ours fails once, at every place, and three ledgers are compared.

For each role and call: the k-th call from now on fails with a plausible errno while
clients ask and the server reloads. Whatever that costs, nothing is answered that did not
run, nothing runs twice, no cut or changed body passes for whole, and afterwards there are
as many workers and descriptors as before. A sample runs with every check;
MONODON_FAULTS=all (`make faults`) tries every k and every errno.
"""

import hashlib
import itertools
import json
import operator
import os
import signal

import pytest
from support import proc
from support.client import Truncated, request
from support.inject import PLAUSIBLE, ROLES, Injector
from support.ledger import judge
from support.server import Server, scratch_directory

ALL = os.environ.get("MONODON_FAULTS") == "all"
SAMPLE = (1, 2, 4, 9)
# Places where a complete sweep once found something wrong.
FOUND = {("zygote", "sendmsg"): ((1, "ENOBUFS"), (3, "ENOMEM")),
         ("master", "sendmsg"): ((7, "ENOBUFS"),)}
LAST = 400  # the sweep of one call ends where it is no longer reached, or here
# Errors after which a program that is right goes on as if nothing had been.
HARMLESS = {"EINTR", "ECONNABORTED", "EPROTO"}
WORKERS = 2
SPOOLED = b"spooled " * 12_000  # more than body_memory
BIG = 3_000_000  # more than a socket takes, and than response_memory
FILE = bytes(range(256)) * 2000

# Which calls there are; test_no_call_is_forgotten has counted them.
SERVING = {
    "master": ("fork", "accept4", "open", "read", "write", "pread", "pwrite", "sendmsg",
               "recvmsg", "mmap",
               "epoll_ctl", "ftruncate", "memfd_create", "socketpair", "pidfd_open"),
    "zygote": ("fork", "open", "read", "write", "sendmsg", "recvmsg", "mmap"),
    "worker": ("accept4", "open", "read", "write", "pwrite", "pread", "send", "recv",
               "sendmsg", "recvmsg", "sendfile", "mmap", "epoll_ctl", "epoll_create1",
               "memfd_create"),
}
STARTING = {
    "master": ("fork", "open", "read", "write", "pread", "pwrite", "sendmsg", "recvmsg",
               "mmap", "epoll_ctl", "epoll_create1", "ftruncate", "memfd_create", "socketpair",
               "pidfd_open"),
    "zygote": ("fork", "open", "read", "write", "sendmsg", "recvmsg", "mmap"),
    "worker": ("open", "sendmsg", "mmap", "epoll_ctl", "epoll_create1", "memfd_create"),
}


def pairs(table):
    return [(role, call) for role in ROLES for call in table[role]]


def server_with(directory, injector, **config):
    with open(os.path.join(directory, "file"), "wb") as file:
        file.write(FILE)
    return Server(directory=directory, environment=injector.environment(), expect=["."],
                  config={"workers": WORKERS, "body_memory": 65536, "restart_pause": 0.01,
                          "response_memory": 65536, "log_level": "info"} | config)


def whole_echo(body):
    def check(answer):
        assert json.loads(answer.body)["body_hash"] == hashlib.sha256(body).hexdigest()
    return check


def whole(body):
    def check(answer):
        assert answer.body == body
    return check


class Run:
    """One server and the requests that clients made to it."""

    def __init__(self, server, injector):
        self.server, self.injector = server, injector
        self.answered = {}
        self._numbers = itertools.count(1)
        self.kept = None
        self.generation = 0  # that served when all was at rest
        self.ready = 0  # how often READY=1 was said before the last reload

    def ask(self, connection=None, target="/", body=None, check=None):
        identity = f"q{next(self._numbers)}"
        self.answered[identity] = None
        method = "GET" if body is None else "POST"
        target += f"{'&' if '?' in target else '?'}id={identity}"
        check = check or whole_echo(body or b"")
        own = connection or self.server.connect(timeout=5)
        try:
            own.send(request(method, target, body=body))
            answer = own.response()
        except (Truncated, ConnectionError):
            return None
        finally:
            if connection is None:
                own.close()
        self.answered[identity] = answer.status
        if answer.status == 200:
            check(answer)
        return answer.status

    def again(self):
        if self.kept is None or self.kept.end:
            self.kept = self.server.connect(timeout=5)
        return self.ask(self.kept)

    def look(self):
        """200 for a question to the control socket that was answered."""
        try:
            return 200 if self.server.control({"op": "status"})["slots"] else None
        except ConnectionError:
            return None

    def traffic(self):
        """Requests of every kind before, during and after a reload."""
        statuses = [self.again(), self.ask(body=SPOOLED), self.ask(),
                    self.ask(target=f"/big?size={BIG}", check=whole(b"x" * BIG)),
                    self.ask(target="/file?name=file", check=whole(FILE)), self.look()]
        self.ready = self._told_ready()
        self.server.send_signal(signal.SIGHUP)
        statuses += [self.again(), self.ask(body=SPOOLED)]
        self.server.wait(lambda: self._told_ready() > self.ready or self.injector.fired,
                         "the reload", timeout=20)
        return [*statuses, self.again()]

    def _told_ready(self):
        return self.server.notify.keys().count("READY")

    def settled(self):
        """How many descriptors master, zygote and workers have, once all is at rest."""
        server = self.server
        self.generation = server.wait(self._at_rest, "the end of the reload", timeout=20)
        server.wait(lambda: len(server.zygotes()) == 1, "one zygote", timeout=20)
        assert self.ask() == 200, "the server serves again"
        if self.kept:
            self.kept.close()
            self.kept = None
        server.wait(lambda: len(proc.children(server.pid)) == WORKERS + 1, "the reaping")
        return [*server.descriptors_at_rest(),
                *sorted(len(proc.descriptors(pid)) for pid in server.workers())]

    def _at_rest(self):
        status = self.server.control({"op": "status"})
        # One of both, for one of both may be what failed.
        ended = status["generation"] > self.generation or self._told_ready() > self.ready
        used = [slot for slot in status["slots"] if slot.get("pid")]
        right = [slot for slot in used if slot["state"] == "serving"
                 and slot["generation"] == status["generation"]]
        return (ended and status["candidate"] == 0 and len(used) == len(right) == WORKERS
                and status["generation"])


def places(role, call, sample=SAMPLE):
    """(k, errno) to try, in order of k; what was found once comes first."""
    errors = PLAUSIBLE[call]
    if ALL:
        return ((k, error) for k in range(1, LAST) for error in errors)
    return [*FOUND.get((role, call), ()),
            *((k, errors[number % len(errors)]) for number, k in enumerate(sample))]


def test_no_call_is_forgotten():
    directory = scratch_directory()
    injector = Injector(os.path.join(directory, "inject"))
    injector.count_calls()
    with server_with(directory, injector) as server:
        run = Run(server, injector)
        starting = set(injector.counted())
        injector.count_calls()
        run.traffic()
        serving = set(injector.counted())
        injector.disarm()
        run.settled()
    print(sorted(starting), sorted(serving), sep="\n")
    assert starting <= set(pairs(STARTING)), starting - set(pairs(STARTING))
    assert serving <= set(pairs(SERVING)), serving - set(pairs(SERVING))


@pytest.mark.parametrize("role, call", pairs(SERVING))
def test_a_failing_call_while_serving(role, call):
    directory = scratch_directory()
    injector = Injector(os.path.join(directory, "inject"))
    with server_with(directory, injector) as server:
        run = Run(server, injector)
        run.traffic()
        usual = run.settled()
        past = 0
        failed = 0
        for k, error in places(role, call):
            if past and k > past:
                break
            before = len(run.answered)
            injector.arm(role, call, k, error)
            statuses = run.traffic()
            fired = injector.fired
            injector.disarm()
            past = 0 if fired else k
            failed += bool(fired)
            where = f"{role} {call} number {k}: {error}"
            asked = list(run.answered.values())[before:]
            # A worker may do with less: the file for its stacks is one that it can miss.
            assert all(map(operator.le, run.settled(), usual)), where
            assert judge(run.answered, server.ledger) == [], where
            if error in HARMLESS or not fired:
                assert {*statuses, *asked} == {200}, f"{where}: {statuses}"
        assert failed, "it was called in none of the places"


@pytest.mark.parametrize("role, call", pairs(STARTING))
def test_a_failing_call_while_starting(role, call):
    """The server serves in the end, or ends with a status and a reason: it never hangs."""
    past = failed = 0
    for k, error in places(role, call, SAMPLE[:2]):
        if past and k > past:
            break
        directory = scratch_directory()
        injector = Injector(os.path.join(directory, "inject"))
        server = server_with(directory, injector)
        try:
            injector.arm(role, call, k, error)
            server.spawn()
            server.watch.wait(lambda: server.notify.has("READY") or server._ended(),
                              f"READY or an end after {role} {call} {k}: {error}", 30)
            past = 0 if injector.fired else k
            failed += bool(injector.fired)
            injector.disarm()
            if server._ended():
                assert server.await_exit() > 0
                assert server.log.lines, "a reason"
                assert past == 0
            else:
                server.await_workers(WORKERS, timeout=20)
                assert server.get().status == 200
            server.finish()
        finally:
            server.close()
            injector.close()
    assert failed, "it was called in none of the places"


def test_a_client_hears_what_kept_its_body_and_gets_its_file_whole():
    directory = scratch_directory()
    injector = Injector(os.path.join(directory, "inject"))
    try:
        with server_with(directory, injector, workers=1) as server:
            for error, status in (("ENOSPC", 507), ("EDQUOT", 507), ("EIO", 503)):
                injector.arm("worker", "pwrite", 1, error)
                with server.connect() as connection:
                    connection.send(request("POST", body=SPOOLED))
                    assert connection.response().status == status
                assert injector.fired
            for error in ("EINTR", "EINVAL", "EIO"):
                injector.arm("worker", "sendfile", 1, error)
                assert server.get("/file?name=file").body == FILE
                assert injector.fired
    finally:
        injector.close()
