# SPDX-License-Identifier: Apache-2.0
"""When enough was sent, the application is asked for no more (PEP 3333: "should stop
iterating over the response when enough data has been sent")."""

import pytest
from test_response import answering


class Endless:
    """Blocks without an end, counted; closed once."""

    def __init__(self, most=1000):
        self.given, self.closed, self.most = 0, 0, most

    def __iter__(self):
        return self

    def __next__(self):
        self.given += 1
        assert self.given <= self.most, "asked on and on"
        return b"12345"

    def close(self):
        self.closed += 1


@pytest.mark.parametrize("method, status, headers, given", [
    ("HEAD", "200 OK", [], 1),
    ("HEAD", "200 OK", [("Content-Length", "1000000")], 1),
    ("GET", "204 No Content", [], 1),
    ("GET", "304 Not Modified", [], 1),
    ("GET", "200 OK", [("Content-Length", "0")], 1),
    ("GET", "200 OK", [("Content-Length", "10")], 3),
    ("GET", "200 OK", [("Content-Length", "12")], 4),
])
def test_iteration_ends_with_the_first_block_that_is_not_wanted(site, method, status, headers,
                                                                given):
    blocks = Endless()
    answer = site(answering(blocks, status, headers)).request(method)
    assert answer.failure == "" and answer.finished and answer.status == status
    length = int(dict(headers).get("Content-Length", 0)) if method == "GET" else 0
    assert answer.body == (b"12345" * 3)[:length]
    assert (blocks.given, blocks.closed) == (given, 1)


def test_the_lines_behind_the_last_byte_run(site):
    seen = []

    def application(environ, start_response):
        start_response("200 OK", [("Content-Length", "5")])
        yield b"12345"
        seen.append("after the last byte")
        yield b""
        seen.append("after an empty block")
        yield b"too much"
        seen.append("never")

    assert site(application).get().body == b"12345"
    assert seen == ["after the last byte", "after an empty block"]


@pytest.mark.parametrize("method, headers, body", [
    ("HEAD", [], b""), ("GET", [("Content-Length", "10")], b"1234512345")])
@pytest.mark.parametrize("catches", [False, True])
def test_write_ends_an_application_that_writes_for_nobody(site, method, headers, body, catches):
    written = []

    def application(environ, start_response):
        write = start_response("200 OK", headers)
        try:
            while len(written) < 1000:
                write(b"12345")
                written.append(1)
        except OSError:
            if not catches:
                raise
        return [b"12345"] * 3

    answer = site(application).request(method)
    assert answer.failure == "" and answer.finished and answer.body == body
    assert answer.status == "200 OK"
    assert len(written) <= len(body) // 5 + 1


def test_one_write_to_a_head_request_is_let_pass(site):
    def application(environ, start_response):
        start_response("200 OK", [])(b"body")
        start_response.__self__  # goes on
        return []

    answer = site(application).request("HEAD")
    assert answer.failure == "" and answer.finished and answer.body == b""


def test_an_error_after_enough_was_written_is_still_an_error(site):
    def application(environ, start_response):
        write = start_response("200 OK", [("Content-Length", "5")])
        write(b"12345")
        write(b"12345")
        raise ValueError("after it all")

    assert "after it all" in site(application).get().failure
