# SPDX-License-Identifier: Apache-2.0
"""Whose connection it is, when a proxy says so before the first request."""

import json
import signal
import socket
import struct

import pytest
from support.server import Server

LINE = b"PROXY TCP4 192.0.2.1 192.0.2.2 50000 80\r\n"
BINARY = (b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack(">H", 12)
          + socket.inet_aton("192.0.2.9") + socket.inet_aton("192.0.2.2")
          + struct.pack(">HH", 50001, 80))
LOCAL = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\0\0"
GET = b"GET / HTTP/1.1\r\nHost: example.test\r\n%s\r\n"


def facts(connection, first=b"", fields=b""):
    connection.send(first + GET % fields)
    answer = connection.response()
    return json.loads(answer.body) if answer.status == 200 else answer.status


def client(connection, first=b"", fields=b""):
    told = facts(connection, first, fields)
    return told if isinstance(told, int) else (told["REMOTE_ADDR"], told.get("REMOTE_PORT"))


@pytest.fixture(scope="module")
def proxied():
    with Server(config={"proxy_protocol": "auto"},
                sockets={"http": Server.UNIX, "tcp": ("127.0.0.1", 0)}) as server:
        yield server


def tcp(server, name="tcp"):
    return server.listeners[name].getsockname()


def test_a_line_and_a_binary_header_name_the_client(proxied):
    for where in (None, tcp(proxied)):
        with proxied.connect(where) as connection:
            assert client(connection, LINE) == ("192.0.2.1", "50000")
            # For the whole connection, and the next request is none.
            assert client(connection) == ("192.0.2.1", "50000")
        with proxied.connect(where) as connection:
            assert client(connection, BINARY) == ("192.0.2.9", "50001")


def test_a_proxy_that_names_nobody_is_the_client(proxied):
    for header in (b"PROXY UNKNOWN\r\n", LOCAL):
        with proxied.connect(tcp(proxied)) as connection:
            assert client(connection, header)[0] == "127.0.0.1"


def test_a_connection_without_a_header_is_served(proxied):
    with proxied.connect(tcp(proxied)) as connection:
        assert client(connection)[0] == "127.0.0.1"


def test_a_header_may_come_in_pieces(proxied):
    for header in (LINE, BINARY):
        with proxied.connect(tcp(proxied)) as connection:
            connection.send_pieces([header[i:i + 1] for i in range(len(header))])
            assert client(connection)[0].startswith("192.0.2.")


def test_fields_are_those_of_the_client_that_is_named(proxied):
    told = b"X-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Proto: https\r\n"
    with proxied.connect(tcp(proxied)) as connection:
        seen = facts(connection, LINE, told)
        assert (seen["REMOTE_ADDR"], seen["wsgi.url_scheme"]) == ("192.0.2.1", "http")
        assert "HTTP_X_FORWARDED_FOR" not in seen
    with proxied.connect(tcp(proxied)) as connection:
        named = LINE.replace(b"192.0.2.1 ", b"127.0.0.1 ")
        seen = facts(connection, named, told)
        assert (seen["REMOTE_ADDR"], seen["wsgi.url_scheme"]) == ("198.51.100.7", "https")


def test_a_malformed_header_is_a_400(proxied):
    for header in (b"PROXY TCP4 nobody\r\n", BINARY.replace(b"\x21\x11", b"\x31\x11")):
        with proxied.connect(tcp(proxied)) as connection:
            assert client(connection, header) == 400


def test_who_may_not_send_a_header_gets_403():
    with Server(config={"proxy_protocol": "v1", "proxy_allow_ips": ["192.0.2.0/24"]},
                sockets={"http": ("127.0.0.1", 0), "unix": Server.UNIX}) as server:
        with server.connect(tcp(server, "http")) as connection:
            assert client(connection, LINE) == 403
        with server.connect(tcp(server, "http")) as connection:
            assert client(connection)[0] == "127.0.0.1"
        with server.connect(server.path(Server.UNIX)) as connection:
            assert client(connection, LINE)[0] == "192.0.2.1"


def test_a_header_that_is_not_asked_for_is_a_400(server):
    with server.connect() as connection:
        assert client(connection, LINE) == 400


def test_a_connection_keeps_its_client_when_another_worker_takes_it():
    with Server(config={"proxy_protocol": "v2", "workers": 2}) as server:
        old = server.await_workers(2)
        with server.connect() as connection:
            assert client(connection, BINARY) == ("192.0.2.9", "50001")
            server.send_signal(signal.SIGHUP)
            server.await_workers(2, without=old)
            server.await_log("generation 2 has taken over")
            assert client(connection) == ("192.0.2.9", "50001")
