# SPDX-License-Identifier: Apache-2.0
"""What leaves the server, whatever the application does."""

import email.utils
import os
import re

import pytest
from support import proc
from support.client import Truncated, pieces, request
from support.server import Server

GIVES_500 = [
    "/status-crlf", "/status-lf", "/status-nul", "/status-short", "/status-word",
    "/status-1xx", "/value-crlf", "/value-lf", "/value-cr", "/value-nul", "/name-crlf",
    "/name-space", "/name-colon", "/name-empty", "/length-word", "/length-negative",
    "/length-twice", "/hop-transfer", "/hop-upgrade", "/hop-trailer", "/not-bytes", "/none",
    "/not-started", "/raise", "/value-not-latin", "/status-not-text",
]


@pytest.fixture(scope="module")
def answers():
    with Server("answers:application",
                config={"response_memory": 65536, "early_hints": True},
                expect=[r"."]) as server:
        yield server


@pytest.mark.parametrize("path", GIVES_500)
def test_a_wrong_response_is_a_500_and_never_reaches_the_wire(answers, path, how):
    mark = len(answers.log.lines)
    with answers.connect() as connection:
        connection.send_pieces(pieces(request(target=path), how))
        answer = connection.response()
        assert answer.status == 500
        assert "evil" not in repr(answer.fields).lower()
        # Nothing of the cause is told to the client.
        assert b"Traceback" not in answer.body and b"answers.py" not in answer.body
    answers.await_log(re.escape(path), after=mark)


def test_a_right_response_has_what_http_asks_for(answers):
    with answers.connect() as connection:
        answer = connection.get("/right")
        assert (answer.status, answer.reason, answer.body) == (200, "OK", b"hello")
        assert answer.header("Server") == "monodon"
        assert email.utils.parsedate_to_datetime(answer.header("Date"))
        assert not answer.closes and answer.framing == "length"


def test_a_body_longer_than_it_said_is_cut_to_its_length(answers):
    with answers.connect() as connection:
        answer = connection.get("/long")
        assert answer.body == b"hello"
        # What was too much is not the beginning of the next response.
        if not answer.closes:
            assert connection.get("/right").body == b"hello"
    # Where all of it is known before anything is sent, it is an error like others.
    assert answers.get("/long-in-one").status == 500


@pytest.mark.parametrize("path", ["/short", "/short-parts"])
def test_a_body_shorter_than_it_said_is_never_taken_for_whole(answers, path):
    with answers.connect() as connection:
        try:
            answer = connection.get(path)
        except Truncated:
            return
        assert answer.status == 500


@pytest.mark.parametrize("path", ["/late", "/late-chunked"])
def test_an_error_in_the_middle_cuts_the_connection(answers, path):
    with answers.connect() as connection, pytest.raises(Truncated):
        connection.get(path)


@pytest.mark.parametrize("path, status", [("/no-content", 204), ("/not-modified", 304)])
def test_no_body_where_none_may_be(answers, path, status):
    with answers.connect() as connection:
        answer = connection.get(path)
        assert answer.status == status
        assert answer.header("Transfer-Encoding") is None
        if not answer.closes:
            assert connection.get("/right").body == b"hello"


def test_no_body_for_head(answers):
    with answers.connect() as connection:
        answer = connection.ask(request("HEAD", "/right"))
        assert answer.header("Content-Length") == "5"
        assert connection.get("/right").body == b"hello"


def test_a_response_of_unknown_length(answers):
    with answers.connect() as connection:
        answer = connection.get("/streamed")
        assert answer.framing == "chunked" and answer.body == b"0\n1\n2\n"
        assert connection.get("/right").status == 200
    with answers.connect() as connection:
        connection.old = True
        answer = connection.ask(request("GET", "/streamed", version="1.0"))
        assert answer.framing == "close" and answer.body == b"0\n1\n2\n"


def test_each_part_of_a_stream_leaves_at_once(answers):
    with answers.connect() as connection:
        connection.send(request(target="/gated"))
        held = answers.gates.arrived("between")
        while b"first" not in connection.rest:
            assert connection._more()
        held.release()
        assert connection.response().body == b"firstsecond"


def test_empty_parts_do_not_end_a_chunked_body(answers):
    with answers.connect() as connection:
        assert connection.get("/empty-parts").body == b"ab"
        assert connection.get("/nothing").body == b""


def test_write_and_the_iterable_come_in_order(answers):
    assert answers.get("/writer").body == b"abc"


def test_a_head_that_is_not_sent_can_be_replaced(answers):
    answer = answers.get("/changed-mind")
    assert (answer.status, answer.reason) == (500, "Sorry")
    assert answer.header("X-First") is None and answer.header("X-Second") == "1"


def test_server_and_date_of_the_application_replace_ours(answers):
    answer = answers.get("/server-and-date")
    assert answer.all("Server") == ["mine"]
    assert answer.all("Date") == ["Thu, 01 Jan 1970 00:00:00 GMT"]


def test_the_application_may_close_the_connection(answers):
    with answers.connect() as connection:
        assert connection.get("/close").closes
        assert connection.closed() == "eof"


def test_repeated_fields_stay_separate(answers):
    assert answers.get("/cookies").all("Set-Cookie") == ["a=1", "b=2"]


def test_early_hints_come_before_the_response(answers):
    with answers.connect() as connection:
        answer = connection.get("/early")
        assert answer.interim == [(103, [("Link", "</style.css>; rel=preload")])]
    with answers.connect() as connection:
        assert connection.ask(request("GET", "/early", version="1.0")).interim == []


@pytest.mark.parametrize("path, name", [("/closing", "fine"), ("/closing-error", "error")])
def test_close_is_called_exactly_once(answers, path, name):
    answers.ledger.clear()
    with answers.connect() as connection:
        connection.send(request(target=path, connection="close"))
        try:
            connection.response()
        except Truncated:
            assert name == "error"
    answers.wait(lambda: answers.ledger.ids("closed"), "close()")
    assert answers.ledger.ids("closed") == [name]


def test_close_is_called_when_the_client_leaves(answers):
    answers.ledger.clear()
    with answers.connect() as connection:
        connection.send(request(target="/endless"))
        connection.head()
    answers.wait(lambda: answers.ledger.ids("closed"), "close()")
    assert answers.ledger.ids("closed") == ["endless"]
    assert answers.get("/right").status == 200


@pytest.mark.parametrize("ask", [
    request("HEAD", "/forever"), request("GET", "/forever?length=10"),
    request("HEAD", "/forever?how=write"), request("GET", "/forever?how=write&length=10")])
def test_a_stream_without_an_end_ends_when_enough_was_sent(answers, ask):
    answers.ledger.clear()
    with answers.connect() as connection:
        connection.send(ask)
        answer = connection.response(ask[:4].decode().strip())
        assert answer.status == 200 and len(answer.body) in (0, 10)
        answers.wait(lambda: answers.ledger.ids("closed"), "the end of the application")
        assert connection.get("/right").body == b"hello"


def test_a_file_that_becomes_shorter_cuts_the_connection_and_is_told(answers):
    with open(answers.path("shrinking"), "wb") as file:
        file.write(b"x" * 30_000_000)
    mark = len(answers.log.lines)
    with answers.connect(receive_buffer=4096) as connection:
        connection.send(request(target="/file?shrinking"))
        connection.head()
        os.truncate(answers.path("shrinking"), 1_000_000)
        with pytest.raises(Truncated):
            connection._exactly(30_000_000)
    assert "path=/file" in answers.await_log("body is cut short", after=mark)


@pytest.mark.parametrize("size", [0, 1, 8192, 5_000_000])
def test_a_file_is_sent_whole(answers, size):
    content = os.urandom(size)
    with open(answers.path("content"), "wb") as file:
        file.write(content)
    with answers.connect() as connection:
        answer = connection.get("/file?content")
        assert answer.body == content
        assert answer.framing == "length"
        assert connection.get("/right").body == b"hello"


def test_a_response_that_breaks_off_ends_its_connection(answers):
    # The application has given all of it, and is not done, when the keeper finds that
    # the file with the rest of it is too short.
    with answers.connect(receive_buffer=4096) as connection:
        connection.send(request(target="/lingering"))
        held = answers.gates.arrived("after")

        def spools():
            return [number for number, name in proc.descriptors(held.pid).items()
                    if name.startswith(answers.scratch) and name.endswith("(deleted)")]

        def given_up():
            if connection.readable():
                connection._more()
            return not spools()
        spool, = spools()
        os.truncate(f"/proc/{held.pid}/fd/{spool}", 0)
        answers.wait(given_up, "the keeper to give it up")
        held.release()
        with pytest.raises(Truncated):
            connection.response()


def test_a_slow_reader_gets_everything_and_holds_nobody(answers):
    # More clients than threads, none of which reads: all of them are served at last.
    count = int(answers.config["workers"]) * 3
    slow = [answers.connect(receive_buffer=4096) for _ in range(count)]
    for connection in slow:
        connection.send(request(target="/streamed?100000"))
    assert answers.get("/right").body == b"hello"
    for connection in slow:
        answer = connection.response()
        assert answer.body.endswith(b"99999\n") and answer.body.count(b"\n") == 100_000
        connection.close()
