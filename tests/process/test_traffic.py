# SPDX-License-Identifier: Apache-2.0
"""Steady traffic while workers come and go: nobody outside may notice.

MONODON_LONG=1 asks for the long runs.
"""

import os
import signal
import socket
import threading
import time

import pytest
from support.server import Server, scratch_directory
from support.traffic import Traffic

LONG = os.environ.get("MONODON_LONG") == "1"
# 250 ms on an idle machine; others may be at work on this one.
SLOW = 0.25 if LONG else 2.0
CODE = "from traffic_site import application_of\napplication = application_of({})\n"


def site(**options):
    server = Server("site_code:application", **options)
    server.write("site_code.py", CODE.format(1))
    return server


def answer(body, status="200 OK", more=""):
    return (f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode()
            + body.encode())


def say(connection, number):
    """What a right server says to request `number`, a GET."""
    asked = connection.recv(65536)
    target = asked.split(b" ")[1].decode()
    pad = int(target.split("pad=")[1])
    return ("1 77 GET " + number(target) +
            " da39a3ee5e6b4b0d3255bfef95601890afd80709\n" + "x" * pad)


def right(target):
    return target.split("n=")[1].split("&")[0]


WRONGS = {
    "eof": lambda c: c.recv(65536),
    "garbled": lambda c: (c.recv(65536), c.sendall(b"HTTP/1.1 200 OK\r\n\r\n")),
    "status 502": lambda c: (c.recv(65536), c.sendall(answer("", "502 Bad"))),
    "wrong body": lambda c: c.sendall(answer(say(c, lambda _: "999"))),
    "close announced": lambda c: c.sendall(
        answer(say(c, right), more="Connection: close\r\n")),
    "idle eof": lambda c: c.sendall(answer(say(c, right))),
    "unasked": lambda c: c.sendall(answer(say(c, right)) * 2),
}


@pytest.mark.parametrize("kind", WRONGS)
def test_the_load_client_sees_what_is_wrong(kind):
    directory = scratch_directory()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(directory + "/s")
    listener.listen(1)
    load = Traffic(directory + "/s", kept=1, fresh=0, rate=1)
    load._hear = lambda _: None  # this server answers nothing twenty times

    def serve():
        connection, _ = listener.accept()
        with connection:
            WRONGS[kind](connection)
            if kind == "unasked":
                connection.recv(1)
        listener.close()
    thread = threading.Thread(target=serve)
    thread.start()
    with load:
        thread.join()
    assert not load.clean
    # After the first the listener is gone: what comes then is refused.
    assert set(load.report["errors"]) - {"refused"} == {kind}, load.report


def test_the_load_client_names_code_that_is_too_old():
    with Server("traffic_site:application") as server:
        with Traffic(server.address) as traffic:
            traffic.from_now(2)
    assert set(traffic.report["errors"]) == {"old code"} and not traffic.clean


@pytest.mark.parametrize("tcp", [False, True])
def test_reloads_are_not_noticed(tcp):
    sockets = {"http": ("127.0.0.1", 0)} if tcp else None
    with site(sockets=sockets) as server:
        if tcp:
            server.address = server.listeners["http"].getsockname()
        with Traffic(server.address, slow=SLOW) as traffic:
            for version in range(2, 102 if LONG else 6):
                reload(server, version)
                traffic.from_now(version)
    assert traffic.clean, traffic.report
    assert len(traffic.report["answers"]) == version


def reload(server, version):
    old = server.serving()
    server.write("site_code.py", CODE.format(version))
    server.send_signal(signal.SIGHUP)
    server.await_workers(2, without=old, timeout=30)


def test_recycling_is_not_noticed():
    with Server("traffic_site:application", config={"max_requests": 50}) as server:
        with Traffic(server.address, rate=400, slow=SLOW) as traffic:
            if LONG:
                time.sleep(60)
            else:
                server.wait(lambda: gone(server) >= 8, "some recycled workers", 60)
    assert traffic.clean, traffic.report


def gone(server):
    return sum(slot["starts"] for slot in server.control({"op": "status"})["slots"])


def test_a_changing_number_of_workers_is_not_noticed():
    with Server("traffic_site:application") as server:
        with Traffic(server.address, slow=SLOW) as traffic:
            for _ in range(50 if LONG else 5):
                for _ in range(3):
                    server.send_signal(signal.SIGTTIN)
                    time.sleep(0.01)
                server.wait(lambda: len(server.serving()) > 2, "more workers")
                for _ in range(4):
                    server.send_signal(signal.SIGTTOU)
                    time.sleep(0.01)
                server.await_workers(1, timeout=30)
    assert traffic.clean, traffic.report


def test_a_connection_of_many_kept_ones_is_not_closed_by_a_reload():
    with site() as server:
        server.await_workers(2)
        kept = [server.connect() for _ in range(200)]
        for number, connection in enumerate(kept):
            connection.get(f"/?n={number}")
        reload(server, 2)
        for number, connection in enumerate(kept):
            told = connection.get(f"/?n={number}").body.split()
            assert told[0] == b"2" and int(told[3]) == number
            connection.close()
