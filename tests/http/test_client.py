# SPDX-License-Identifier: Apache-2.0
"""The tests' own client: it must notice every way in which a server can be wrong."""

import contextlib
import socket

import pytest
from support.client import FRAGMENTATIONS, BadResponse, Connection, Truncated, pieces, request
from support.ledger import Entry, judge


@contextlib.contextmanager
def given(data):
    """A connection on which a server has said `data` and left."""
    ours, theirs = socket.socketpair()
    connection = Connection.__new__(Connection)
    connection.socket, connection.rest, connection.end = ours, b"", None
    connection.old = False
    ours.settimeout(5)
    theirs.sendall(data)
    theirs.close()
    with connection:
        yield connection


@pytest.mark.parametrize("data", [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n", b""])
def test_what_is_cut_short_is_noticed(data):
    with given(data) as connection, pytest.raises(Truncated):
        connection.response()


@pytest.mark.parametrize("data", [
    b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX y: z\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: a\nb: c\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx",
    b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!!0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\nno end"])
def test_what_breaks_the_protocol_is_noticed(data):
    with given(data) as connection, pytest.raises(BadResponse):
        connection.response()


def test_what_follows_the_last_response_is_noticed():
    with given(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy") as connection:
        assert connection.response().body == b"x"
        with pytest.raises(BadResponse):
            connection.closed()


def test_a_good_conversation_is_understood():
    data = (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
            b"HTTP/1.1 204 No Content\r\n\r\n"
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
            b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nrest")
    with given(data) as connection:
        first = connection.response()
        assert first.interim == [(103, [("Link", "x")])] and first.body == b"hello"
        assert connection.response().status == 204
        assert connection.response("HEAD").body == b""
        last = connection.response()
        assert last.body == b"rest" and last.closes
        assert connection.closed() == "eof"


@pytest.mark.parametrize("how", FRAGMENTATIONS)
def test_pieces_are_the_same_bytes(how):
    data = request("POST", body=b"x\r\n" * 20)
    parts = pieces(data, how)
    assert b"".join(parts) == data and all(parts)
    assert len(parts) > 1 or how == "whole"
    assert pieces(data, how) == parts


class Book:
    def __init__(self, *entries):
        self._entries = [Entry(*entry) for entry in entries]

    def ids(self, what):
        return [entry.id for entry in self._entries if entry.what == what]


def test_the_ledgers_are_compared():
    ran = [("start", "a", "1"), ("end", "a", "1")]
    assert judge({"a": 200}, Book(*ran)) == []
    assert judge({"a": None}, Book(*ran)) == []
    assert judge({"a": None}, Book(ran[0])) == []
    assert judge({"a": 200}, Book(ran[0]))
    assert judge({"a": 200}, Book())
    assert judge({"a": 200}, Book(*ran, *ran))
    assert judge({"a": 400}, Book(*ran))
    assert judge({}, Book(*ran))
