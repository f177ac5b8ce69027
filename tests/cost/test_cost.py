# SPDX-License-Identifier: Apache-2.0
"""What a request costs a worker: instructions in user space, counted by callgrind.

Not time, which depends on the machine and on what else runs there. The count is the
same from run to run to within a permille, so a bound of a tenth above what was reached
finds a regression that no benchmark would. All of a request counts: accepting, reading,
parsing, environ, the application (about 800 of them), the response, access log,
scoreboard, closing.

    MONODON_COST_KEEP=DIR    keeps callgrind's output, for callgrind_annotate
    MONODON_COST_GUARDED=1   where the kernel cannot refuse descriptors of clients
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
APPS = os.path.join(HERE, "..", "..", "bench", "apps")
LIBDIR = os.environ["MONODON_LIBDIR"]
PATIENCE = 240
SO_PASSRIGHTS = 83  # the master switches it off (base/process/passed_fds.h)
REQUESTS = 500

FIELDS = (b"Host: www.example.com\r\n"
          b"X-Forwarded-For: 203.0.113.195\r\n"
          b"X-Forwarded-Proto: https\r\n"
          b"X-Request-ID: 7f1c9a52d0b14fe18dcb6c1e0c5f8a13\r\n"
          b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101\r\n"
          b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
          b"Accept-Language: en-GB,en;q=0.5\r\n"
          b"Accept-Encoding: gzip, deflate, br\r\n"
          b"Referer: https://www.example.com/catalogue/books/\r\n")


def hello(number):
    return (b"GET / HTTP/1.1\r\n" + FIELDS +
            b"Cookie: csrftoken=aXq2mZ0vT1; sessionid=0123456789abcdef0123456789\r\n"
            b"Upgrade-Insecure-Requests: 1\r\n")


def varying(number):
    """Another visitor each time: path, query, id, address, browser, page, cookie; every
    other one sends two more fields."""
    more = b"DNT: 1\r\nCache-Control: max-age=0\r\n" if number % 2 else b""
    return (b"GET /item/%d/?page=%d HTTP/1.1\r\n" % (number * 7919, number % 7) +
            FIELDS.replace(b"113.195", b"%d.%d" % (number % 256, number % 251))
            .replace(b"7f1c9a52d0b14fe1", b"%016x" % (number * 0x9E3779B97F4A7C1))
            .replace(b"128.0", b"%d.0" % (112 + number % 16))
            .replace(b"books", b"%d" % (number % 97)) + more +
            b"Cookie: csrftoken=%032x; sessionid=%032x\r\n" % (number * 31, number * 37) +
            b"Upgrade-Insecure-Requests: 1\r\n")


def read_answer(client):
    got = b""
    while not got.endswith(b"Hello, world\n"):
        part = client.recv(4096)
        assert part, got
        got += part
    assert got.startswith(b"HTTP/1.1 200 OK\r\n"), got


def connection_each(path, request):
    """Connects and asks all at once, before there is a worker: one that was quicker than
    its client would have to come back for the request, which costs more."""
    clients = []
    for number in range(REQUESTS):
        clients.append(socket.socket(socket.AF_UNIX))
        clients[-1].settimeout(PATIENCE)
        clients[-1].connect(path)
        clients[-1].sendall(request(number) + b"Connection: close\r\n\r\n")
    return clients


def kept_alive(path, request):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(path)
        for number in range(REQUESTS):
            client.sendall(request(number) + b"\r\n")
            read_answer(client)


class Watched:
    """A worker under callgrind that counts only inside the loop's handling of events."""

    def __init__(self, directory, name):
        self.path = str(directory / f"{name}.sock")
        self.output = str(directory / f"{name}.callgrind")
        self.directory, self.name = directory, name
        self.listener = socket.socket(socket.AF_UNIX)
        if not os.environ.get("MONODON_COST_GUARDED"):
            with contextlib.suppress(OSError):  # before Linux 6.16
                self.listener.setsockopt(socket.SOL_SOCKET, SO_PASSRIGHTS, 0)
        self.listener.bind(self.path)
        self.listener.listen(REQUESTS)
        self.listener.setblocking(False)

    def start(self):
        directory, listener = self.directory, self.listener
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with listener, theirs:
            self.process = subprocess.Popen(
                ["valgrind", "-q", "--tool=callgrind",
                 f"--callgrind-out-file={self.output}",
                 "--toggle-collect=monodon::worker::Loop::dispatch*",
                 sys.executable, "-s", "-S", os.path.join(HERE, "worker.py"), LIBDIR, APPS,
                 str(listener.fileno()), str(theirs.fileno()), str(directory / f"{self.name}.log")],
                pass_fds=[listener.fileno(), theirs.fileno()], stdin=subprocess.DEVNULL,
                env={"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0",
                     "PYTHONDONTWRITEBYTECODE": "1"})

    def instructions(self):
        self.channel.close()
        assert self.process.wait(PATIENCE) == 0
        with open(self.output, encoding="latin-1") as file:
            total = next(line for line in file if line.startswith("totals:"))
        if keep := os.environ.get("MONODON_COST_KEEP"):
            shutil.copy(self.output, keep)
        return int(total.split()[1]) / REQUESTS


# What was reached, and a tenth on top.
@pytest.mark.skipif(not shutil.which("valgrind"), reason="needs valgrind")
def test_a_request_costs_no_more_instructions_than_it_did(tmp_path):
    bounds = {"hello": 18_200, "varying": 23_000}
    workers = {name: Watched(tmp_path, name) for name in bounds}
    clients = connection_each(workers["hello"].path, hello)
    for worker in workers.values():
        worker.start()
    kept_alive(workers["varying"].path, varying)
    for client in clients:
        with client:
            read_answer(client)
    costs = {name: worker.instructions() for name, worker in workers.items()}
    print("instructions per request:", {name: round(n) for name, n in costs.items()})
    # A stripped program counts nothing at all.
    assert all(1_000 < costs[name] <= bounds[name] for name in bounds), (costs, bounds)
