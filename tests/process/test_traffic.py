# SPDX-License-Identifier: Apache-2.0
"""The load client itself, and what it does not need an audience for: a port, connections
that stay open. (test_deploys.py has the rest.)
"""

import socket
import threading

import pytest
from support.audience import BOUND, watched
from support.client import request
from support.server import Server, scratch_directory
from support.traffic import Traffic
from support.versions import begin, finish, reload, site, write


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


SLOW = """
import time
good = application
def application(environ, start_response):
    if 'n=30&' in environ['QUERY_STRING']:
        time.sleep(%g)
    return good(environ, start_response)
""" % (4 * BOUND)


def test_the_audience_sees_what_is_slower_than_beside_it():
    with site() as server:
        write(server, 2, SLOW)
        assert reload(server)[0] == 0
        with watched(server) as audience:
            for _ in range(30):  # each waits for a new answer
                audience.from_now(2)
        with pytest.raises(AssertionError, match="slowest"):
            audience.judge()


def test_reloads_are_not_noticed_at_a_port():
    with site(sockets={"http": ("127.0.0.1", 0)}) as server:
        server.address = server.listeners["http"].getsockname()
        with Traffic(server.address, slow=10) as traffic:
            for version in range(2, 6):
                write(server, version)
                assert reload(server)[0] == 0
                traffic.from_now(version)
    assert traffic.clean, traffic.report
    assert len(traffic.report["answers"]) == version


def test_a_connection_of_many_kept_ones_is_not_closed_by_a_reload():
    with site() as server:
        server.await_workers(2)
        kept = [server.connect() for _ in range(200)]
        for number, connection in enumerate(kept):
            connection.get(f"/?n={number}")
        write(server, 2)
        assert reload(server)[0] == 0
        for number, connection in enumerate(kept):
            told = connection.get(f"/?n={number}").body.split()
            assert told[0] == b"2" and int(told[3]) == number
            connection.close()


def test_requests_that_are_half_sent_are_passed_on_or_finished():
    """A half head goes to a new worker, with what was read. Half a body is waited for."""
    asked = request("POST", "/?n=7", b"z" * 3000)
    head = len(asked) - 3000
    with site() as server:
        server.await_workers(2)
        heads = [(cut, server.connect()) for cut in (1, 20, head - 1) for _ in range(10)]
        bodies = [(cut, server.connect()) for cut in (head, head + 1, len(asked) - 1)
                  for _ in range(10)]
        for cut, connection in heads + bodies:
            connection.get("/?n=1")
            connection.send(asked[:cut])
        write(server, 2)
        going = begin(server)
        server.await_log("was asked to leave")
        assert going.poll() is None
        for cut, connection in bodies:
            connection.send(asked[cut:])
            told = connection.response()
            assert told.body.split()[3] == b"7" and not told.closes, cut
        assert finish(going)[0] == 0
        for cut, connection in heads:
            connection.send(asked[cut:])
            told = connection.response()
            assert told.body.split()[:4:3] == [b"2", b"7"] and not told.closes, cut
        for _, connection in heads + bodies:
            assert connection.get("/?n=8").body.split()[0] == b"2"
            connection.close()
