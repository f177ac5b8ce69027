# SPDX-License-Identifier: Apache-2.0
"""Clients that are slow, leave early or never leave."""

import resource
import socket
import struct

import pytest
from support import proc
from support.client import request
from support.server import Server


@pytest.fixture(scope="module")
def server():
    tcp = ("127.78.0.1", 8000)
    with Server(sockets={"http": Server.UNIX, "tcp": tcp},
                config={"workers": 1, "response_memory": 65536}) as running:
        running.tcp = tcp
        yield running


def test_many_clients_that_send_a_byte_at_a_time_hold_no_thread(server):
    data = request(target="/?id=slow")
    slow = [server.connect() for _ in range(200)]
    for byte in range(len(data) - 1):
        for connection in slow[:: 20 if byte else 1]:
            connection.send(data[byte : byte + 1])
        if byte % 10 == 0:
            assert server.get().status == 200
    for connection in slow[::20]:
        connection.send(data[-1:])
        assert connection.response().status == 200
    for connection in slow:
        connection.close()


def test_a_client_that_sends_a_body_slowly_holds_no_thread(server):
    with server.connect() as slow:
        slow.send(b"POST /?id=slowbody HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
        for byte in b"0123456789":
            assert "slowbody" not in server.ledger.ids("start")
            assert server.get().status == 200
            slow.send_pieces([bytes([byte])])
        assert slow.response().status == 200


def test_a_byte_a_second_is_not_enough_to_stay():
    # Bytes that arrive do not put off the deadline of a head.
    with Server(config={"workers": 1, "header_timeout": 0.6}) as server:
        with server.connect() as slow:
            sent = 0
            while not slow.readable(0.1):
                slow.send(b"GET / HTTP/1.1\r\n"[sent : sent + 1] or b"x")
                sent += 1
                assert sent < 30
            assert slow.response().status == 408
            assert slow.closed()


@pytest.mark.parametrize("data", [
    b"", b"GET", b"GET / HTTP/1.1\r\nHost: x\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"])
def test_half_a_request_and_then_half_a_connection(server, data):
    with server.connect() as connection:
        connection.send(data.replace(b"/ ", b"/?id=half "))
        connection.finish_sending()
        while connection._more():
            pass
        assert b" 200 " not in connection.rest
    assert "half" not in server.ledger.ids("start")


@pytest.mark.parametrize("after", [0, 1, 5, 100, 5000, 200_000])
def test_a_reset_in_the_middle_of_a_response(server, after):
    with server.connect(server.tcp, receive_buffer=4096) as connection:
        connection.send(request(target="/big?size=5000000"))
        while len(connection.rest) < after:
            assert connection._more()
        connection.reset()
    assert server.get().status == 200


def test_a_reset_while_the_application_runs(server):
    connection = server.connect(server.tcp)
    connection.send(request(target="/gate?id=reset"))
    held = server.gates.arrived("gate")
    connection.reset()
    held.release()
    assert server.get().status == 200
    assert "reset" in server.ledger.ids("end")


def test_a_thousand_resets_at_every_moment(server):
    data = request("POST", "/?id=r", body=b"x" * 50)
    for number in range(1000):
        made = socket.create_connection(server.tcp)
        made.send(data[: number % (len(data) + 1)])
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        made.close()
    assert server.get().status == 200
    worker, = server.workers()
    server.wait(lambda: len(proc.descriptors(worker)) < 60, "closed connections")


def test_a_client_that_half_closes_and_stays_is_not_spun_on(server):
    worker, = server.workers()
    connections = [server.connect() for _ in range(50)]
    for connection in connections:
        connection.send(request(target="/big?size=3000000"))
        connection.finish_sending()
    for connection in connections:  # making them is no spinning
        assert connection.readable(10)
    assert server.get().status == 200
    before = proc.cpu_seconds(worker)
    idle = server.connect()
    assert not idle.readable(1.0)
    assert proc.cpu_seconds(worker) - before < 0.2
    for connection in [*connections, idle]:
        if connection is not idle:
            assert len(connection.response().body) == 3_000_000
        connection.close()


def test_one_busy_connection_does_not_starve_the_others(server):
    flood = server.connect()
    flood.socket.setblocking(False)
    data = request(target="/pid") * 500
    sent = 0
    try:
        while sent < 40 * len(data):
            sent += flood.socket.send(data)
    except BlockingIOError:
        pass
    for _ in range(5):
        assert server.get().status == 200
    flood.close()
    assert server.get().status == 200


@pytest.fixture
def descriptors():
    """Room for thousands of connections: a login often allows 1,024, softly."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_thousands_of_idle_connections_are_cheap(descriptors):
    with Server(config={"workers": 2}) as server:
        crowd = [server.connect() for _ in range(2000)]
        for connection in crowd:
            assert connection.get().status == 200
        workers = server.await_workers(2)
        before = [proc.cpu_seconds(pid) for pid in workers]
        assert not crowd[0].readable(0.5)
        after = [proc.cpu_seconds(pid) for pid in workers]
        assert sum(after) - sum(before) < 0.1
        for connection in crowd[::100]:
            assert connection.get().status == 200
        for connection in crowd:
            connection.close()
