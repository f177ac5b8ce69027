# SPDX-License-Identifier: Apache-2.0
"""Requests that are right, each in every fragmentation."""

import hashlib
import json

import pytest
from support.client import pieces, request

HOST = b"Host: example.test\r\n"
BODY = bytes(range(256)) * 3


def chunked(body, size=100, extension=b"", trailers=b""):
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    sent = b"".join(b"%x%s\r\n%s\r\n" % (len(p), extension, p) for p in parts)
    return sent + b"0" + extension + b"\r\n" + trailers + b"\r\n"


def post(headers, body):
    return b"POST /post?id=ID HTTP/1.1\r\n" + HOST + headers + b"\r\n" + body


TE = b"Transfer-Encoding: chunked\r\n"

# name: (bytes, what the application must have been told). ID is replaced.
ALONE = {
    "a plain GET": (
        b"GET /plain?id=ID HTTP/1.1\r\n" + HOST + b"\r\n",
        {"REQUEST_METHOD": "GET", "PATH_INFO": "/plain", "SERVER_PROTOCOL": "HTTP/1.1",
         "HTTP_HOST": "example.test", "body_length": 0, "SCRIPT_NAME": ""}),
    "a percent-encoded path": (
        b"GET /a%20b%2Fc%C3%A9?id=ID&x=%20 HTTP/1.1\r\n" + HOST + b"\r\n",
        {"PATH_INFO": "/a b/c\u00c3\u00a9", "RAW_URI": "/a%20b%2Fc%C3%A9?id=ID&x=%20"}),
    "two slashes at the beginning of the path": (
        b"GET //evil.test/x?id=ID HTTP/1.1\r\n" + HOST + b"\r\n",
        {"PATH_INFO": "//evil.test/x", "HTTP_HOST": "example.test"}),
    "an absolute-form target": (
        b"GET http://other.test/abs?id=ID HTTP/1.1\r\nHost: other.test\r\n\r\n",
        {"PATH_INFO": "/abs", "HTTP_HOST": "other.test"}),
    "an absolute-form target and another Host, which is ignored": (
        b"GET http://other.test:81/abs?id=ID HTTP/1.1\r\nHost: x\r\n\r\n",
        {"PATH_INFO": "/abs", "HTTP_HOST": "other.test:81"}),
    "an absolute-form target without a path": (
        b"GET http://other.test?id=ID HTTP/1.1\r\nHost: other.test\r\n\r\n",
        {"PATH_INFO": "/", "HTTP_HOST": "other.test"}),
    "an empty line before the request": (
        b"\r\nGET /line?id=ID HTTP/1.1\r\n" + HOST + b"\r\n", {"PATH_INFO": "/line"}),
    "repeated fields, joined": (
        b"GET /?id=ID HTTP/1.1\r\n" + HOST + b"X-A: 1\r\nX-B: 2\r\nx-a: 3\r\n\r\n",
        {"HTTP_X_A": "1,3", "HTTP_X_B": "2"}),
    "repeated cookies, joined as one": (
        b"GET /?id=ID HTTP/1.1\r\n" + HOST + b"Cookie: a=1\r\nCookie: b=2\r\n\r\n",
        {"HTTP_COOKIE": "a=1; b=2"}),
    "an empty field value and white space around one": (
        b"GET /?id=ID HTTP/1.1\r\n" + HOST + b"X-Empty:\r\nX-Tab:\t \tv w\t \r\n\r\n",
        {"HTTP_X_EMPTY": "", "HTTP_X_TAB": "v w"}),
    "bytes above ASCII in a value": (
        b"GET /?id=ID HTTP/1.1\r\n" + HOST + b"X-Name: caf\xc3\xa9 \xff\r\n\r\n",
        {"HTTP_X_NAME": "caf\u00c3\u00a9 \u00ff"}),
    "a POST with a length": (
        post(b"Content-Type: text/x\r\nContent-Length: %d\r\n" % len(BODY), BODY),
        {"CONTENT_LENGTH": str(len(BODY)), "CONTENT_TYPE": "text/x"}),
    "a POST with a length of nothing": (
        post(b"Content-Length: 0\r\n", b""), {"CONTENT_LENGTH": "0", "body_length": 0}),
    "a length with leading zeros": (
        post(b"Content-Length: 0003\r\n", b"abc"), {"body_length": 3}),
    "a POST in chunks": (post(TE, chunked(BODY)), {"wsgi.input_terminated": True}),
    "chunks with extensions": (
        post(TE, chunked(BODY, 200, b';a=b;q="x y"')), {"body_length": len(BODY)}),
    "chunks with white space about their extensions": (  # RFC 9112 7.1.1, BWS
        post(TE, chunked(BODY, 200, b' ;a\t= "b" ; c')), {"body_length": len(BODY)}),
    "chunks with trailers, which are dropped": (
        post(TE, chunked(BODY, 300, trailers=b"X-Late: 1\r\nContent-Length: 5\r\n")),
        {"HTTP_X_LATE": None, "CONTENT_LENGTH": str(len(BODY)),
         "HTTP_TRANSFER_ENCODING": None}),
    "chunk sizes with leading zeros and capital letters": (
        post(TE, b"00A\r\n0123456789\r\n0\r\n\r\n"), {"body_length": 10}),
    "a coding in capital letters": (
        post(b"Transfer-Encoding: Chunked\r\n", b"1\r\nx\r\n0\r\n\r\n"), {"body_length": 1}),
    "a GET with a body": (
        b"GET /?id=ID HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\n\r\nbody",
        {"body_length": 4, "REQUEST_METHOD": "GET"}),
    "a name with an underscore, dropped": (
        b"GET /?id=ID HTTP/1.1\r\n" + HOST + b"X_Auth: evil\r\nX-Auth: good\r\n\r\n",
        {"HTTP_X_AUTH": "good"}),
    "the field Proxy, dropped": (
        b"GET /?id=ID HTTP/1.1\r\n" + HOST + b"Proxy: http://evil.test\r\n\r\n",
        {"HTTP_PROXY": None}),
    "an Upgrade, ignored": (
        b"GET /?id=ID HTTP/1.1\r\n" + HOST
        + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", {"REQUEST_METHOD": "GET"}),
    "an unusual method": (
        b"PROPFIND /?id=ID HTTP/1.1\r\n" + HOST + b"\r\n", {"REQUEST_METHOD": "PROPFIND"}),
}




@pytest.mark.parametrize("name", ALONE)
def test_is_understood_and_the_connection_stays_open(server, name, how, identity):
    data, expected = ALONE[name]
    with server.connect() as connection:
        connection.send_pieces(pieces(data.replace(b"ID", identity.encode()), how))
        answer = connection.response()
        assert answer.status == 200, answer
        facts = json.loads(answer.body)
        for key, value in expected.items():
            value = value.replace("ID", identity) if isinstance(value, str) else value
            assert facts.get(key) == value, key
        if data.startswith(b"POST /post") and b"abc" not in data:
            assert facts["body_length"] in (0, 1, 10, len(BODY))
            if facts["body_length"] == len(BODY):
                assert facts["body_hash"] == hashlib.sha256(BODY).hexdigest()
        # The next request on the same connection is understood too.
        assert connection.get("/next").status == 200
    assert server.ledger.ids("end").count(identity) == 1


def test_pipelined_requests_are_answered_in_order(server, how, identity):
    names = [f"{identity}-{i}" for i in range(4)]
    data = (request(target=f"/a?id={names[0]}")
            + request("POST", f"/b?id={names[1]}", body=BODY)
            + b"POST /c?id=%s HTTP/1.1\r\n%s%s\r\n" % (names[2].encode(), HOST, TE)
            + chunked(BODY) + request("HEAD", f"/d?id={names[3]}"))
    with server.connect() as connection:
        connection.send_pieces(pieces(data, how))
        for name, path in zip(names, ("/a", "/b", "/c")):
            facts = json.loads(connection.response().body)
            assert facts["PATH_INFO"] == path
            assert facts["QUERY_STRING"] == f"id={name}"
        assert connection.response("HEAD").body == b""
        assert connection.get().status == 200
    assert [i for i in server.ledger.ids("end") if i in names] == names


def test_head_is_answered_without_a_body_and_with_its_length(server, how):
    with server.connect() as connection:
        connection.send_pieces(pieces(request("HEAD", "/big?size=1000"), how))
        answer = connection.response("HEAD")
        assert answer.header("Content-Length") == "1000"
        assert connection.get().status == 200


def test_options_for_the_server_itself(server, how):
    with server.connect() as connection:
        connection.send_pieces(pieces(b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", how))
        answer = connection.response()
        assert answer.status == 200
        assert json.loads(answer.body)["RAW_URI"] == "*"


def test_http_1_0_closes_after_one_answer(server, how):
    with server.connect() as connection:
        connection.send_pieces(pieces(b"GET /old HTTP/1.0\r\n\r\n", how))
        answer = connection.response()
        assert answer.status == 200 and answer.header("Transfer-Encoding") is None
        assert json.loads(answer.body)["SERVER_PROTOCOL"] == "HTTP/1.0"
        assert connection.closed() == "eof"


def test_http_1_0_with_keep_alive_stays_open(server, how):
    data = b"GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    with server.connect() as connection:
        for _ in range(2):
            connection.send_pieces(pieces(data, how))
            answer = connection.response()
            assert answer.header("Connection").lower() == "keep-alive"


@pytest.mark.parametrize("value", ["close", "Close", "x, close", "keep-alive, close"])
def test_connection_close_is_obeyed(server, how, value):
    with server.connect() as connection:
        data = request(target="/", connection=value) + request(target="/not-read")
        connection.send_pieces(pieces(data, how))
        assert connection.response().header("Connection").lower() == "close"
        assert connection.closed()


def test_expect_100_continue_gets_its_continue(server):
    with server.connect() as connection:
        connection.send(b"POST / HTTP/1.1\r\n" + HOST
                        + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        assert connection.head().status == 100
        connection.send(b"hello")
        answer = connection.response()
        assert json.loads(answer.body)["body_length"] == 5


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_who_does_not_expect_a_continue_gets_none(server, version):
    with server.connect() as connection:
        connection.send(b"POST / HTTP/%s\r\n" % version + HOST + b"Content-Length: 5\r\n\r\n")
        assert not connection._taken()
        assert not connection.readable(0.1)
        connection.send(b"hello")
        answer = connection.response()
        assert answer.status == 200 and answer.interim == []


def test_expect_in_every_fragmentation_is_answered_once(server, how):
    data = (b"POST / HTTP/1.1\r\n" + HOST
            + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello")
    with server.connect() as connection:
        connection.send_pieces(pieces(data, how))
        answer = connection.response()
        assert answer.status == 200 and len(answer.interim) <= 1
        assert connection.get().status == 200


def test_a_body_that_is_refused_gets_no_continue(server):
    with server.connect() as connection:
        connection.send(b"POST / HTTP/1.1\r\n" + HOST
                        + b"Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n")
        assert connection.head().status == 413


def test_a_body_the_application_does_not_read_is_not_the_next_request(server, identity):
    smuggled = request(target=f"/smuggled?id={identity}")
    with server.connect() as connection:
        connection.send(request("POST", "/unread", body=smuggled))
        assert connection.response().body == b"not read"
        assert connection.get().status == 200
    assert identity not in server.ledger.ids("start")


@pytest.mark.parametrize("size", [1, 65535, 65536, 65537, 1_000_000, 3_000_000])
def test_bodies_of_every_size_arrive_whole(server, size):
    body = hashlib.sha256(str(size).encode()).digest() * (size // 32 + 1)
    with server.connect() as connection:
        for data in (request("POST", body=body[:size]),
                     b"POST / HTTP/1.1\r\n" + HOST + TE + b"\r\n"
                     + chunked(body[:size], 50_000)):
            connection.send(data)
            facts = json.loads(connection.response().body)
            assert facts["body_length"] == size
            assert facts["body_hash"] == hashlib.sha256(body[:size]).hexdigest()


def test_half_a_connection_is_enough_for_an_answer(server):
    with server.connect() as connection:
        connection.send(request(target="/half"))
        connection.finish_sending()
        assert connection.response().status == 200
        assert connection.closed() == "eof"


def test_the_same_over_tcp(server, how):
    with server.connect(server.tcp) as connection:
        connection.send_pieces(pieces(request(target="/tcp") + request(target="/tcp"), how))
        for _ in range(2):
            facts = json.loads(connection.response().body)
            assert facts["REMOTE_ADDR"].startswith("127.")
