# SPDX-License-Identifier: Apache-2.0
"""Every system call of ours fails once, at every place, and three ledgers are compared.

For each role and call: the k-th call from now on fails with a plausible errno while
clients ask and the server reloads. Whatever that costs, nothing is answered that did not
run, nothing runs twice, no cut body passes for whole, and afterwards there are as many
workers and descriptors as before. A sample runs with every check; MONODON_FAULTS=all
(`make faults`) tries every k and every errno.
"""

import itertools
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
BODY = b"spooled " * 12_000  # more than body_memory


class Run:
    """One server and the requests that clients made to it."""

    def __init__(self, server):
        self.server = server
        self.answered = {}
        self._numbers = itertools.count(1)
        self.kept = None

    def ask(self, connection=None, body=None):
        identity = f"q{next(self._numbers)}"
        self.answered[identity] = None
        method = "GET" if body is None else "POST"
        try:
            own = connection or self.server.connect(timeout=5)
            own.send(request(method, f"/?id={identity}", body=body))
            self.answered[identity] = own.response().status
        except (Truncated, OSError):
            pass
        if connection is None:
            own.close()
        return self.answered[identity]

    def again(self):
        if self.kept is None or self.kept.end:
            self.kept = self.server.connect(timeout=5)
        return self.ask(self.kept)

    def traffic(self):
        """Requests of every kind before, during and after a reload."""
        statuses = [self.again(), self.ask(body=BODY), self.ask()]
        ready = self.server.notify.keys().count("READY")
        self.server.send_signal(signal.SIGHUP)
        statuses += [self.again(), self.ask(body=BODY)]
        self.server.wait(lambda: self.server.notify.keys().count("READY") > ready
                         or self.injector.fired, "the reload", timeout=20)
        return [*statuses, self.again()]

    def settled(self):
        server = self.server
        server.wait(self._at_rest, "the end of the reload", timeout=20)
        server.wait(lambda: len(server.zygotes()) == 1, "one zygote", timeout=20)
        assert self.ask() == 200, "the server serves again"
        if self.kept:
            self.kept.close()
            self.kept = None
        server.wait(lambda: len(proc.children(server.pid)) == WORKERS + 1, "the reaping")
        return server.descriptors_at_rest()[0]

    def _at_rest(self):
        status = self.server.control({"op": "status"})
        serving = [slot for slot in status["slots"] if slot["state"] == "serving"]
        return (status["candidate"] == 0 and len(serving) == WORKERS
                and all(slot["generation"] == status["generation"] for slot in serving))


def places(role, call, sample=SAMPLE):
    """(k, errno) to try, in order of k; what was found once comes first."""
    errors = PLAUSIBLE[call]
    if ALL:
        return ((k, error) for k in range(1, LAST) for error in errors)
    return [*FOUND.get((role, call), ()),
            *((k, errors[number % len(errors)]) for number, k in enumerate(sample))]


@pytest.mark.parametrize("call", PLAUSIBLE)
@pytest.mark.parametrize("role", ROLES)
def test_a_failing_call_while_serving(role, call):
    directory = scratch_directory()
    injector = Injector(os.path.join(directory, "inject"))
    with Server(directory=directory, environment=injector.environment(), expect=["."],
                config={"workers": WORKERS, "body_memory": 65536, "restart_pause": 0.01,
                        "log_level": "info"}) as server:
        run = Run(server)
        run.injector = injector
        run.traffic()
        usual = run.settled()
        past = 0
        for k, error in places(role, call):
            if past and k > past:
                break
            before = len(run.answered)
            injector.arm(role, call, k, error)
            run.traffic()
            fired = injector.fired
            injector.disarm()
            past = 0 if fired else k
            where = f"{role} {call} number {k}: {error}"
            mine = list(run.answered.values())[before:]
            assert run.settled() == usual, where
            assert judge(run.answered, server.ledger) == [], where
            if error in HARMLESS or not fired:
                assert set(mine) == {200}, f"{where}: {mine}"


@pytest.mark.parametrize("call", ["fork", "open", "read", "mmap", "epoll_ctl", "pidfd_open",
                                  "memfd_create", "sendmsg", "recvmsg", "epoll_create1",
                                  "socketpair", "ftruncate"])
@pytest.mark.parametrize("role", ROLES)
def test_a_failing_call_while_starting(role, call):
    """The server serves in the end, or ends with a status and a reason: it never hangs."""
    past = 0
    for k, error in places(role, call, SAMPLE[:2]):
        if past and k > past:
            break
        directory = scratch_directory()
        injector = Injector(os.path.join(directory, "inject"))
        server = Server(directory=directory, environment=injector.environment(),
                        expect=["."], config={"workers": WORKERS, "restart_pause": 0.01})
        try:
            injector.arm(role, call, k, error)
            server.spawn()
            server.watch.wait(lambda: server.notify.has("READY") or server._ended(),
                              f"READY or an end after {role} {call} {k}: {error}", 30)
            past = 0 if injector.fired else k
            injector.disarm()
            if server._ended():
                assert server.process.returncode > 0
                assert server.log.lines, "a reason"
                server.status_code = server.process.returncode
                assert injector.fired
            else:
                server.await_workers(WORKERS, timeout=20)
                assert server.get().status == 200
            server.finish()
        finally:
            server.close()
            injector.close()
