# SPDX-License-Identifier: Apache-2.0
"""Steady traffic that forgives nothing, from a process of its own.

    with Traffic(server.address) as traffic:
        server.send_signal(signal.SIGHUP)
        ...
        traffic.from_now(2)
    assert traffic.clean, traffic.report

Some connections are kept and asked again and again, others are opened for one request.
GET and POST with bodies; each answer (tests/apps/traffic_site.py) is compared with what
it has to be, byte by byte. Whatever else happens is counted: see `report`.

This file runs alone as well, with a JSON object of options as its argument: it says
"begun" once answers come, takes lines ("from 7": requests from now on must be answered
by version 7 or later; says "ok" when the first of them was answered), and prints its
report when stdin ends.
"""

import collections
import errno
import hashlib
import heapq
import json
import os
import re
import select
import socket
import subprocess
import sys
import time

_OPTIONS = {
    "address": "",      # path of a Unix socket, or [host, port]
    "kept": 8,          # connections that stay open
    "fresh": 4,         # requests at the same time on connections of their own
    "rate": 200,        # requests a second, all together
    "prefix": "/traffic",
    "wait": 0,          # seconds that the application is asked to take
    "slow": 1.0,        # seconds: an answer that takes longer is an error
    "timeout": 20.0,    # seconds: and is no longer waited for
    "may_close": False, # through a proxy: it may announce the end of a connection
    "times": False,     # report the time of day of each good answer
}
_SIZES = (0, 90, 4000, 70000)
_HEAD = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n")
_LENGTH = re.compile(rb"(?im)^content-length: *(\d+)\r$")
_CLOSE = re.compile(rb"(?im)^connection:.*\bclose\b")
_BODY = re.compile(rb"(\d+) (\d+) ([A-Z]+) (\d+) ([0-9a-f]{40})\n(x*)")


class Client:
    """One connection after the other; asks, waits its turn, asks again."""

    def __init__(self, load, kept):
        self.load, self.kept = load, kept
        self.socket = None
        self.asked = self.served = 0  # on this connection
        self.output = self.input = b""
        self.waiting = False

    def ask(self, now):
        self.load.plan(self, now)
        self.compose(now)
        if self.socket is None and not self.connect():
            return
        self.write()

    def compose(self, now):
        options, number = self.load.options, self.load.next_number()
        self.begun, self.number = now, number
        self.pad = _SIZES[number % len(_SIZES)]
        self.at_least = self.load.at_least
        body = b""
        self.method = "POST" if number % 3 == 0 else "GET"
        target = f"{options['prefix']}?n={number}&pad={self.pad}"
        if options["wait"]:
            target += f"&wait={options['wait']}"
        lines = [f"{self.method} {target} HTTP/1.1", "Host: example.test"]
        if self.method == "POST":
            body = bytes([65 + number % 26]) * _SIZES[number // 3 % len(_SIZES)]
            lines.append(f"Content-Length: {len(body)}")
        if not self.kept:
            lines.append("Connection: close")
        self.hash = hashlib.sha1(body).hexdigest()
        self.output = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        self.input, self.waiting, self.connected = b"", True, self.socket is not None

    def connect(self):
        address = self.load.options["address"]
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self.load.count["connections"] += 1
        code = self.socket.connect_ex(address if family == socket.AF_UNIX
                                      else tuple(address))
        if code not in (0, errno.EINPROGRESS):
            self.fail("refused", errno.errorcode.get(code, code))
            return False
        self.load.watch(self, select.EPOLLIN | select.EPOLLOUT)
        self.served = 0
        return True

    def write(self):
        try:
            while self.output:
                self.output = self.output[self.socket.send(self.output):]
            self.load.modify(self, select.EPOLLIN)
        except BlockingIOError:
            self.load.modify(self, select.EPOLLIN | select.EPOLLOUT)
        except ConnectionRefusedError as error:
            self.fail("refused", repr(error))
        except OSError as error:
            # An answer may be there all the same; reading decides.
            self.output = b""
            self.read(repr(error))

    def read(self, why="reset"):
        try:
            data = self.socket.recv(262144)
        except BlockingIOError:
            return
        except ConnectionRefusedError as error:
            self.fail("refused", repr(error))
            return
        except OSError as error:
            self.fail("reset" if self.waiting else "idle reset", f"{why} {error!r}")
            return
        if not data:
            self.fail("eof" if self.waiting else "idle eof", why)
        elif not self.waiting:
            self.fail("unasked", data[:80].decode("latin-1"))
        else:
            self.input += data
            self.answered()

    def answered(self):
        head = _HEAD.match(self.input)
        if not head:
            if len(self.input) > 65536:
                self.fail("garbled", self.input[:80].decode("latin-1"))
            return
        length = _LENGTH.search(head[2])
        if not length:
            self.fail("garbled", head[0].decode("latin-1"))
        elif len(self.input) > head.end() + int(length[1]):
            self.fail("unasked", self.input[-80:].decode("latin-1"))
        elif len(self.input) == head.end() + int(length[1]):
            self.judge(head, self.input[head.end():])
            self.load.acknowledge(self.at_least)

    def judge(self, head, body):
        """A whole answer is here. Counts it, or what is wrong with it."""
        load, took = self.load, time.monotonic() - self.begun
        said = _BODY.fullmatch(body)
        closes = bool(_CLOSE.search(head[2]))
        if head[1] != b"200":
            self.fail("status " + head[1].decode(), body[:80].decode("latin-1"))
        elif not said or (said[3].decode(), int(said[4]), said[5].decode(), len(said[6])) != (
                self.method, self.number, self.hash, self.pad) or self.output:
            self.fail("wrong body", body[:80].decode("latin-1"))
        elif int(said[1]) < self.at_least:
            self.fail("old code", f"{said[1].decode()}, not {self.at_least}")
        elif self.kept and closes and not load.options["may_close"]:
            self.fail("close announced", "")
        elif took > load.options["slow"]:
            self.fail("slow", f"{took:.3f} s")
        else:
            load.good(self, int(said[1]), int(said[2]), took)
            self.served += 1
            self.waiting = False
            if not self.kept or closes:
                self.drop()

    def fail(self, kind, detail):
        took = time.monotonic() - self.begun
        load = self.load
        load.errors[kind] += 1
        inode = os.fstat(self.socket.fileno()).st_ino if self.socket else 0
        load.lost.append({"kind": kind, "number": self.number, "inode": inode,
                          "began": self.begun, "ended": time.monotonic()})
        if len(load.first) < 20:
            load.first.append(
                f"{time.monotonic() - load.start:.3f}: {kind} after {took:.3f} s: request "
                f"{self.number} {self.method}, {self.served} answers before on this "
                f"connection, {len(self.output)} bytes unsent, {len(self.input)} read; "
                f"{detail}")
        self.drop()

    def drop(self):
        if self.socket is not None:
            self.load.forget(self)
            self.socket.close()
        self.socket, self.waiting = None, False


class Load:
    def __init__(self, options):
        unknown = set(options) - set(_OPTIONS)
        if unknown:
            raise ValueError(f"unknown: {unknown}")
        self.options = _OPTIONS | options
        self.poll = select.epoll()
        self.clients = [Client(self, True) for _ in range(self.options["kept"])]
        self.clients += [Client(self, False) for _ in range(self.options["fresh"])]
        self.pause = len(self.clients) / self.options["rate"]
        self.by_fd = {}
        self.due = []  # (when, client), sorted: everybody waits equally long
        self.count = collections.Counter()
        self.errors = collections.Counter()
        self.answers = collections.Counter()  # by version
        self.pids = set()
        self.first = []  # errors, for people
        self.lost = []   # all of them; `inode`: of the socket, see `ss -x`
        self.slow = []  # the worst: (seconds, after how many, number, pid)
        self.times = []
        self.at_least = 0
        self.owed = None  # the number of the last "from" until an answer came
        self.numbers = 0
        self.start = time.monotonic()

    def next_number(self):
        self.numbers += 1
        return self.numbers

    def plan(self, client, now):
        self.due.append((now + self.pause, client))

    def watch(self, client, events):
        self.by_fd[client.socket.fileno()] = client
        self.poll.register(client.socket, events)

    def modify(self, client, events):
        self.poll.modify(client.socket, events)

    def forget(self, client):
        if self.by_fd.pop(client.socket.fileno(), None):
            self.poll.unregister(client.socket)

    def good(self, client, version, pid, took):
        self.answers[version] += 1
        self.pids.add(pid)
        at = round(client.begun - self.start, 3)
        self.slow = heapq.nlargest(5, [*self.slow, (round(took, 4), at, client.number, pid)])
        if self.options["times"]:
            self.times.append(round(time.time(), 4))
        if self.answers.total() == 20:
            print("begun", flush=True)

    def run(self):
        """Until stdin ends; requests under way are waited for."""
        self.poll.register(sys.stdin.fileno(), select.EPOLLIN | select.EPOLLHUP)
        self.due = [(self.start + i * self.pause / len(self.clients), client)
                    for i, client in enumerate(self.clients)]
        self.stopping, self.commands = False, b""
        while not self.stopping or any(client.waiting for client in self.clients):
            now = time.monotonic()
            for client in self.whose_turn(now):
                if client.waiting:  # still not answered: it has lost its turn
                    self.plan(client, now)
                else:
                    client.ask(now)
            soonest = 0.05 if self.stopping or not self.due else self.due[0][0] - now
            self.look(max(0.0, min(soonest, 0.05)))
            for client in self.clients:
                if client.waiting and now - client.begun > self.options["timeout"]:
                    client.fail("timeout", "")
        self.look(0)  # who has closed a connection meanwhile?
        return self.report()

    def look(self, wait):
        for fd, event in self.poll.poll(wait):
            if fd == sys.stdin.fileno():
                data = os.read(fd, 4096)
                self.commands = self.obey(self.commands + data)
                if not data:
                    self.stopping = True
                    self.poll.unregister(fd)
            elif client := self.by_fd.get(fd):
                if event & select.EPOLLOUT and client.output:
                    client.write()
                else:
                    client.read()

    def whose_turn(self, now):
        ready = []
        while not self.stopping and self.due and self.due[0][0] <= now:
            ready.append(self.due.pop(0)[1])
        return ready

    def obey(self, text):
        *lines, rest = text.split(b"\n")
        for line in lines:
            word, number = line.split()
            assert word == b"from", line
            self.at_least = self.owed = int(number)
        return rest

    def acknowledge(self, at_least):
        if at_least == self.owed:
            self.owed = None
            print("ok", flush=True)

    def report(self):
        return {
            "requests": self.numbers, "answers": dict(self.answers),
            "errors": dict(self.errors), "first": self.first, "lost": self.lost,
            "slowest": self.slow[0][0] if self.slow else 0.0, "slow": self.slow,
            "connections": self.count["connections"],
            "pids": sorted(self.pids), "seconds": round(time.monotonic() - self.start, 2),
            "times": self.times,
        }


class Traffic:
    """The above as a child of a test. `command`: how to run this file elsewhere."""

    def __init__(self, address, begin=20.0, command=(sys.executable, __file__), **options):
        self.options, self._command = options | {"address": address}, command
        self.report, self.process, self._begin = None, None, begin

    def __enter__(self):
        self.process = subprocess.Popen(
            [*self._command, json.dumps(self.options)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)
        try:
            self._hear(b"begun\n")
        except BaseException:
            self.process.kill()
            self.process.communicate()
            raise
        return self

    def _hear(self, wanted):
        poll = select.poll()
        poll.register(self.process.stdout, select.POLLIN)
        if not poll.poll(self._begin * 1000):
            raise AssertionError(f"the load client does not say {wanted!r}")
        said = self.process.stdout.readline()
        if said != wanted:
            raise AssertionError(f"the load client said {said!r}, not {wanted!r}")

    def from_now(self, version):
        """Requests that begin after this must be answered by `version` or a later one.
        Returns when the first of them was answered."""
        self.process.stdin.write(f"from {version}\n".encode())
        self.process.stdin.flush()
        self._hear(b"ok\n")

    def stop(self):
        if self.report is None:
            rest, _ = self.process.communicate(timeout=60)
            self.report = json.loads(rest)
        return self.report

    @property
    def clean(self):
        """Everything that was asked was answered, rightly and in time."""
        asked, answers = self.report["requests"], self.report["answers"]
        return not self.report["errors"] and asked == sum(answers.values()) > 0

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        else:
            self.process.kill()
            said, _ = self.process.communicate()
            print("traffic:", said.decode(), file=sys.stderr)


if __name__ == "__main__":
    print(json.dumps(Load(json.loads(sys.argv[1])).run()))
