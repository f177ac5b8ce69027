# SPDX-License-Identifier: Apache-2.0
"""Requests that are wrong: one refusal, the end of the connection, nothing executed.

RFC 9112, and the stricter choices that docs/architecture.md names. After each of these
bytes comes a well-formed request, which must not be believed: what follows a framing
error has no known beginning.
"""

import os

import pytest
from support.client import pieces, request
from support.proc import peak_memory
from support.server import Server

HOST = b"Host: example.test\r\n"
LINE = b"GET /wrong?id=ID HTTP/1.1\r\n"
POST = b"POST /wrong?id=ID HTTP/1.1\r\n" + HOST
TE = b"Transfer-Encoding: chunked\r\n"
NEXT = b"GET /smuggled?id=IDs HTTP/1.1\r\nHost: example.test\r\n\r\n"


def field(text):
    return LINE + HOST + text + b"\r\n\r\n"


def framing(headers, body=b"5\r\nhello\r\n0\r\n\r\n"):
    return POST + headers + b"\r\n" + body


def chunk(body):
    return POST + TE + b"\r\n" + body


WRONG = {
    # Request line
    "a bare LF": b"GET /wrong?id=ID HTTP/1.1\nHost: example.test\n\n",
    "a bare LF after a field": LINE + b"Host: example.test\nX: y\r\n\r\n",
    "a bare CR in the request line": b"GET /wrong?id=ID\r HTTP/1.1\r\n" + HOST + b"\r\n",
    "a NUL in the target": b"GET /wr\0ng?id=ID HTTP/1.1\r\n" + HOST + b"\r\n",
    "a control in the target": b"GET /wr\x01ng?id=ID HTTP/1.1\r\n" + HOST + b"\r\n",
    "DEL in the target": b"GET /wr\x7fng?id=ID HTTP/1.1\r\n" + HOST + b"\r\n",
    "a fragment": b"GET /wrong?id=ID#part HTTP/1.1\r\n" + HOST + b"\r\n",
    "two spaces": b"GET  /wrong?id=ID HTTP/1.1\r\n" + HOST + b"\r\n",
    "a tab for a space": b"GET\t/wrong?id=ID HTTP/1.1\r\n" + HOST + b"\r\n",
    "a space in the target": b"GET /wrong ?id=ID HTTP/1.1\r\n" + HOST + b"\r\n",
    "a space at the end of the line": b"GET /wrong?id=ID HTTP/1.1 \r\n" + HOST + b"\r\n",
    "a space at the beginning": b" GET /wrong?id=ID HTTP/1.1\r\n" + HOST + b"\r\n",
    "no version": b"GET /wrong?id=ID\r\n" + HOST + b"\r\n",
    "a relative target": b"GET wrong?id=ID HTTP/1.1\r\n" + HOST + b"\r\n",
    "an asterisk for GET": b"GET * HTTP/1.1\r\n" + HOST + b"\r\n",
    "CONNECT": b"CONNECT example.test:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method in small letters": b"get /wrong?id=ID HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method that is no token": b"GE(T /wrong?id=ID HTTP/1.1\r\n" + HOST + b"\r\n",
    "user information in the target":
        b"GET http://a:b@example.test/?id=ID HTTP/1.1\r\n" + HOST + b"\r\n",
    # Version
    "HTTP in small letters": b"GET /wrong?id=ID http/1.1\r\n" + HOST + b"\r\n",
    "a version with two digits": b"GET /wrong?id=ID HTTP/1.10\r\n" + HOST + b"\r\n",
    # Fields
    "no Host": LINE + b"X: y\r\n\r\n",
    "two Hosts": LINE + HOST + HOST + b"\r\n",
    "two different Hosts": LINE + HOST + b"Host: evil.test\r\n\r\n",
    "a Host with a space": LINE + b"Host: a b\r\n\r\n",
    "a Host with a slash": LINE + b"Host: a/b\r\n\r\n",
    "a Host with half an escape": LINE + b"Host: a%4\r\n\r\n",
    "a Host that is no address": LINE + b"Host: [4712::abcd::]\r\n\r\n",
    "space before the colon": field(b"X-A : b"),
    "space before the colon of a length": framing(b"Content-Length : 5\r\n", b"hello"),
    "a tab before the colon": field(b"X-A\t: b"),
    "a line folded": field(b"X-A: b\r\n c"),
    "a first line folded": LINE + b" X-A: b\r\n" + HOST + b"\r\n",
    "an empty name": field(b": b"),
    "no colon": field(b"X-A"),
    "a name with a quote": field(b'X"A: b'),
    "a name above ASCII": field(b"X\xe9: b"),
    "a NUL in a name": field(b"X\0A: b"),
    "a NUL in a value": field(b"X-A: b\0c"),
    "a control in a value": field(b"X-A: b\x01c"),
    "DEL in a value": field(b"X-A: b\x7fc"),
    "a bare CR in a value": field(b"X-A: b\rc"),
    "a bare CR before CRLF": field(b"X-A: b\r"),
    "two content types": framing(
        b"Content-Type: a/b\r\nContent-Type: a/c\r\nContent-Length: 5\r\n", b"hello"),
    # Content-Length
    "a length with a plus": framing(b"Content-Length: +5\r\n", b"hello"),
    "a negative length": framing(b"Content-Length: -5\r\n", b"hello"),
    "a length in hexadecimal": framing(b"Content-Length: 0x5\r\n", b"hello"),
    "a length with an underscore": framing(b"Content-Length: 1_0\r\n", b"0123456789"),
    "a length with a space inside": framing(b"Content-Length: 1 0\r\n", b"0123456789"),
    "an empty length": framing(b"Content-Length:\r\n", b"hello"),
    "a length with a fraction": framing(b"Content-Length: 5.0\r\n", b"hello"),
    "two equal lengths": framing(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello"),
    "two lengths": framing(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"hello!"),
    "a list of lengths": framing(b"Content-Length: 5, 5\r\n", b"hello"),
    "a length beyond 64 bits": framing(b"Content-Length: 18446744073709551621\r\n", b"hello"),
    "a length of digits that are not ASCII":
        framing("Content-Length: \u0665\r\n".encode(), b"hello"),
    # Transfer-Encoding
    "a length and a coding": framing(b"Content-Length: 5\r\n" + TE),
    "a coding and a length": framing(TE + b"Content-Length: 5\r\n"),
    "two codings": framing(TE + TE),
    "a list of codings": framing(b"Transfer-Encoding: chunked, chunked\r\n"),
    "identity and chunked": framing(b"Transfer-Encoding: identity, chunked\r\n"),
    "chunked not last": framing(b"Transfer-Encoding: chunked, identity\r\n"),
    "an empty coding": framing(b"Transfer-Encoding:\r\n"),
    "a coding in quotes": framing(b'Transfer-Encoding: "chunked"\r\n'),
    "a coding after a non-breaking space": framing(b"Transfer-Encoding: \xa0chunked\r\n"),
    "a coding after a vertical tab": framing(b"Transfer-Encoding: \x0bchunked\r\n"),
    "a coding with a parameter": framing(b"Transfer-Encoding: chunked;a=b\r\n"),
    "a coding in HTTP/1.0":
        b"POST /wrong?id=ID HTTP/1.0\r\n" + HOST + TE + b"\r\n5\r\nhello\r\n0\r\n\r\n",
    # Chunks
    "a chunk size with a prefix": chunk(b"0x5\r\nhello\r\n0\r\n\r\n"),
    "a chunk size with a plus": chunk(b"+5\r\nhello\r\n0\r\n\r\n"),
    "a chunk size with a minus": chunk(b"-5\r\nhello\r\n0\r\n\r\n"),
    "a chunk size with an underscore": chunk(b"0_5\r\nhello\r\n0\r\n\r\n"),
    "an empty chunk size": chunk(b"\r\nhello\r\n0\r\n\r\n"),
    "a space before a chunk size": chunk(b" 5\r\nhello\r\n0\r\n\r\n"),
    "a chunk size that is no number": chunk(b"5g\r\nhello\r\n0\r\n\r\n"),
    "a chunk size beyond 64 bits": chunk(b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    "a chunk line with a bare LF": chunk(b"5\nhello\r\n0\r\n\r\n"),
    "a chunk line with a bare CR": chunk(b"5\rhello\r\n0\r\n\r\n"),
    "a chunk extension without a name": chunk(b"5;\r\nhello\r\n0\r\n\r\n"),
    "a chunk extension without name and value": chunk(b"5;=\r\nhello\r\n0\r\n\r\n"),
    "a chunk extension whose name is no token": chunk(b"5;bad[=x\r\nhello\r\n0\r\n\r\n"),
    "a space after a chunk size": chunk(b"5 \r\nhello\r\n0\r\n\r\n"),
    "a chunk extension without an end": chunk(b'5;a="un\r\nhello\r\n0\r\n\r\n'),
    "a chunk extension with a bare LF": chunk(b"5;a\nb\r\nhello\r\n0\r\n\r\n"),
    "a chunk extension with a NUL": chunk(b"5;a\0b\r\nhello\r\n0\r\n\r\n"),
    "a chunk that is longer than it said": chunk(b"5\r\nhello!!\r\n0\r\n\r\n"),
    "a chunk without an end of line": chunk(b"5\r\nhelloXX0\r\n\r\n"),
    "a chunk ended by a bare LF": chunk(b"5\r\nhello\n0\r\n\r\n"),
    "a last chunk with a bare LF": chunk(b"5\r\nhello\r\n0\n\n"),
    "a trailer without a colon": chunk(b"0\r\nX\r\n\r\n"),
    "a trailer with a bare LF": chunk(b"0\r\nX: y\nZ: z\r\n\r\n"),
    "a trailer with a space in its name": chunk(b"0\r\nX : y\r\n\r\n"),
    "a trailer folded": chunk(b"0\r\nX: y\r\n z\r\n\r\n"),
}
# Where another status says it better than 400.
OTHER = {
    "CONNECT": {400, 405, 501},
    "a version with two digits": {400, 505},
    "HTTP in small letters": {400, 505},
    "identity and chunked": {400, 501}, "chunked not last": {400, 501},
    "an empty coding": {400, 501}, "a coding in quotes": {400, 501},
    "a coding after a non-breaking space": {400, 501},
    "a coding with a parameter": {400, 501}, "a list of codings": {400, 501},
    "a length beyond 64 bits": {400, 413}, "a chunk size beyond 64 bits": {400, 413},
}


def refused(connection, allowed):
    answer = connection.response()
    assert answer.status in allowed, answer
    assert answer.closes
    connection.closed()
    return answer


@pytest.mark.parametrize("name", WRONG)
def test_is_refused_once_and_nothing_runs(server, name, how, identity):
    data = (WRONG[name] + NEXT).replace(b"ID", identity.encode())
    with server.connect() as connection:
        connection.send_pieces(pieces(data, how))
        refused(connection, OTHER.get(name, {400}))
    assert not {identity, identity + "s"} & set(server.ledger.ids("start"))


@pytest.mark.parametrize("name", ["a bare LF", "a length and a coding", "no Host"])
def test_the_refusal_arrives_over_tcp_though_more_was_sent(server, name, identity):
    # A close with unread input is a reset, and a reset may overtake the answer.
    data = (WRONG[name] + NEXT * 20).replace(b"ID", identity.encode())
    with server.connect(server.tcp) as connection:
        connection.send(data)
        assert refused(connection, {400})


def test_why_a_request_was_refused_is_in_the_log_once():
    with Server(config={"workers": 1, "log_level": "info"}) as server:
        for _ in range(30):
            for name in ("no Host", "two lengths"):
                with server.connect() as connection:
                    connection.send_pieces(pieces(WRONG[name], "whole"))
                    refused(connection, {400})
        server.await_log("request refused .*more than one Content-Length field")
        assert server.get("/").status == 200
        told = [line for line in server.log.lines if "request refused" in line]
        assert len(told) == 2
        assert all("refused with 400: " in line and 'peer="a Unix socket"' in line
                   for line in told)
        assert "no Host field" in told[0]


def test_a_good_request_before_a_bad_one_is_answered(server, how, identity):
    data = request(target=f"/good?id={identity}") + WRONG["two lengths"] + NEXT
    with server.connect() as connection:
        connection.send_pieces(pieces(data.replace(b"ID", b"bad"), how))
        assert connection.response().status == 200
        refused(connection, {400})
    assert identity in server.ledger.ids("end")
    assert not {"bad", "bads"} & set(server.ledger.ids("start"))


@pytest.mark.parametrize("version, status", [("0.9", 505), ("1.2", 505), ("2.0", 505),
                                             ("3.0", 505)])
def test_other_versions_are_refused(server, version, status, how):
    with server.connect() as connection:
        connection.send_pieces(pieces(request(version=version), how))
        refused(connection, {status})


@pytest.mark.parametrize("data", [
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 8,
    b"GET /\r\n\r\n", b"\0" * 100, b"\xff" * 100 + b"\r\n\r\n", b"\n\n\n\n", b"\r\n\r\n\r\n"])
def test_what_is_not_http_1_is_refused(server, data, how):
    with server.connect() as connection:
        connection.send_pieces(pieces(data, how))
        refused(connection, {400, 505})


@pytest.mark.parametrize("value", ["nothing", "100-continue, 200-ok"])
def test_an_unknown_expectation_is_refused(server, value, how):
    with server.connect() as connection:
        connection.send_pieces(pieces(request(expect=value), how))
        refused(connection, {417})


# -- limits ------------------------------------------------------------------------


def big_head(field_count, field_size):
    lines = b"".join(b"X-%d: %s\r\n" % (i, b"v" * field_size) for i in range(field_count))
    return LINE + HOST + lines + b"\r\n"


FLOODS = {
    "a long request line": (b"GET /" + b"a" * 8_000_000 + b" HTTP/1.1\r\n\r\n", {414}),
    "a long query": (b"GET /?" + b"a" * 5000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", {414}),
    "a method without an end": (b"A" * 8_000_000, {400, 414, 501}),
    "a long field": (field(b"X: " + b"v" * 8_000_000), {431}),
    "a long name": (field(b"X" * 8_000_000 + b": v"), {431}),
    "a long value of white space": (field(b"X:" + b" " * 8_000_000 + b"v"), {400, 431}),
    "many fields": (big_head(1_000_000, 1), {431}),
    "many large fields": (big_head(1000, 8000), {431}),
    "one field more than allowed": (big_head(100, 1), {431}),
    "chunk extensions without an end": (chunk(b"5;" + b"a" * 8_000_000), {400, 413, 431}),
    "many chunks with extensions": (
        chunk(b"1;" + b"a" * 200 + b"\r\nx\r\n") + (b"1;" + b"a" * 200 + b"\r\nx\r\n") * 40_000,
        {400, 413, 431}),
    "trailers without an end": (chunk(b"0\r\n" + b"X: yyyyyy\r\n" * 800_000), {400, 413, 431}),
    "a chunk size with many zeros": (chunk(b"0" * 8_000_000), {400, 413}),
    "a length over the limit": (framing(b"Content-Length: 3000001\r\n", b"x" * 100), {413}),
    "chunks over the limit": (chunk((b"10000\r\n" + b"x" * 65536 + b"\r\n") * 120), {413}),
    "one chunk over the limit": (chunk(b"7fffffff\r\n" + b"x" * 65536), {413}),
}


# At each CRLF or byte they would take hours, and never get there: they are refused.
@pytest.mark.parametrize("cut", ["whole", ("random", 1), ("random", 2)], ids=str)
@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_is_refused_in_bounded_memory(server, name, cut, identity):
    data, statuses = FLOODS[name]
    before = sum(map(peak_memory, server.workers()))
    with server.connect() as connection:
        connection.send_pieces(pieces(data.replace(b"ID", identity.encode()), cut))
        refused(connection, statuses)
    assert identity not in server.ledger.ids("start")
    # A sanitizer keeps what was freed for a while.
    most = 64_000_000 if "MONODON_TEST_PRELOAD" in os.environ else 6_000_000
    assert sum(map(peak_memory, server.workers())) - before < most
    assert server.get().status == 200


def test_the_limits_themselves_are_allowed(server):
    line = b"GET /" + b"a" * (4094 - len("GET / HTTP/1.1"))
    fields = HOST + b"X-Long: " + b"v" * (8190 - len("X-Long: ")) + b"\r\n"
    fields += b"".join(b"X-%d: v\r\n" % i for i in range(98))
    with server.connect() as connection:
        assert connection.ask(line + b" HTTP/1.1\r\n" + fields + b"\r\n").status == 200
    with server.connect() as connection:
        assert connection.ask(line + b"a HTTP/1.1\r\n" + fields + b"\r\n").status == 414
