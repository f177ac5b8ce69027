# SPDX-License-Identifier: Apache-2.0
"""An application that forks, in ways of which the server does not hear.

    /child?how=HOW&does=WHAT   a child made by HOW comes out of the view as WHAT says; the
                               parent answers with its exit status
    /held?how=HOW&gate=NAME    the child waits at a gate, the parent answers at once
    /holds?how=HOW             what the child has: descriptors, mappings, signals, as JSON
    /mp?what=WHAT              what Python's library does with processes
    /helper                    what this worker has, and what a process has that was forked
                               at the import (with FORKING_HELPER in the environment)
    /pid                       this worker's
"""

import atexit
import concurrent.futures
import ctypes
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.parse

import gates

LIBC = ctypes.PyDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
SYS_CLONE = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
WAYS = {
    "fork": os.fork,
    "_Fork": lambda: LIBC._Fork(),  # glibc 2.34: no handler of pthread_atfork runs
    "clone": lambda: LIBC.syscall(SYS_CLONE, signal.SIGCHLD, 0, 0, 0, 0),
    "c_fork": lambda: LIBC.fork(),  # as a library does, without Python
}

atexit.register(lambda: gates.record("atexit", str(os.getpid())))


def nothing():
    pass


def ended(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Closing:
    """Blocks whose close(), or whose iteration, forks."""

    def __init__(self, fork, where):
        self.fork, self.where, self.child = fork, where, None

    def __iter__(self):
        yield b"x"
        if self.where == "iteration":
            self.child = self.fork()
            yield str(self.child and ended(self.child)).encode()

    def close(self):
        if self.where == "close":
            child = self.fork()
            if child:
                gates.record("closed", str(ended(child)))


def leave(does, start_response, environ):
    """The child, on its way out of the view."""
    if does == "exit":
        sys.exit(3)
    if does == "say":
        sys.exit("the last words of a child")
    if does == "work":
        threading.Thread(target=lambda: gates.record("work", gates.wait("work")),
                         daemon=False).start()
        sys.exit(3)
    if does == "raise":
        raise ValueError("a mistake in a child")
    if does == "hint":
        environ["wsgi.early_hints"]([("X-From", "child")])
    write = start_response("200 OK", [("X-From", "child")])
    if does == "write":
        write(b"from the child")
    return [b"from the child"]


def holdings():
    descriptors = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            descriptors[name] = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
    with open("/proc/self/maps", encoding="utf-8") as maps:
        pages = [line for line in maps if "monodon-page" in line]
    with open("/proc/self/status", encoding="ascii") as status:
        caught = next(line for line in status if line.startswith("SigCgt")).split()[1]
    return {"descriptors": descriptors, "pages": pages, "caught": caught,
            "term": repr(signal.getsignal(signal.SIGTERM)),
            "int": repr(signal.getsignal(signal.SIGINT))}


def tell(fork):
    """[what this process has, what a child of it has]"""
    read, write = os.pipe()
    if fork() == 0:
        told = holdings()
        if fork is os.fork:  # the others leave Python in doubt which thread is the main one
            told["wakeup"] = signal.set_wakeup_fd(-1)
        os.write(write, json.dumps(told).encode())
        os._exit(0)
    os.close(write)
    own = holdings()
    with open(read, "rb") as pipe:
        return [own, json.loads(pipe.read())]


def start_helper():
    """A process that tells what it has whenever it is asked, until nobody can ask."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        near.close()
        while far.recv(1):
            far.send(json.dumps(holdings()).encode())
        os._exit(0)
    far.close()
    return near


HELPER = start_helper() if "FORKING_HELPER" in os.environ else None


def ask_helper():
    HELPER.send(b"?")
    return [holdings(), json.loads(HELPER.recv(100_000))]


def fork_and_return(_info):
    """A hook that leaves a child behind."""
    os.fork()


def square(number):
    return number * number


def library(what):
    if what in ("fork", "spawn", "forkserver"):
        context = multiprocessing.get_context(what)
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
            return sum(pool.map(square, range(10)))
    if what == "pool":
        with multiprocessing.get_context("fork").Pool(2) as pool:
            return sum(pool.map(square, range(10)))
    if what == "terminate":
        process = multiprocessing.get_context("fork").Process(target=signal.pause)
        process.start()
        process.terminate()
        process.join()
        return process.exitcode
    if what == "system":
        return os.waitstatus_to_exitcode(os.system("exit 4"))
    return subprocess.run(["sh", "-c", "exit 5"], preexec_fn=nothing, check=False).returncode


def application(environ, start_response):
    asked = dict(urllib.parse.parse_qsl(environ["QUERY_STRING"]))
    fork = WAYS.get(asked.get("how"))
    path, length = environ["PATH_INFO"], True
    if path == "/child":
        where = asked.get("where")
        if where:
            start_response("200 OK", [])
            return Closing(fork, where)
        child = fork()
        if child == 0:
            return leave(asked["does"], start_response, environ)
        said = str(ended(child))
    elif path == "/held":
        if fork() == 0:
            gates.wait(asked["gate"])
            os._exit(0)
        said, length = "x", "length" in asked
    elif path == "/holds":
        said = json.dumps(tell(fork))
    elif path == "/helper":
        said = json.dumps(ask_helper())
    elif path == "/mp":
        said = str(library(asked["what"]))
    else:
        said = str(os.getpid())
    start_response("200 OK", [("X-From", "parent")])
    return [said.encode()] if length else iter([said.encode()])
