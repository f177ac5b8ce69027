# SPDX-License-Identifier: Apache-2.0
"""wsgiref.validate has no complaint about the server."""

import hashlib
import os

import pytest
from support.client import FRAGMENTATIONS, pieces, request
from support.server import Server

BODIES = {"nothing": b"", "one line": b"a", "lines": b"ab\n\ncdefghijkl\r\nm" * 500,
          "no lines": os.urandom(1).join([b"x" * 100_000, b"y" * 100_000])}


@pytest.fixture(scope="module")
def validated():
    with Server("validated:application", config={"body_memory": 65536}) as server:
        yield server


# Thousands of pieces take minutes, and are read no other way than a hundred.
@pytest.mark.parametrize("body, how", [
    (body, how) for body, content in BODIES.items() for how in FRAGMENTATIONS
    if len(content) < 100 or how not in ("lines", "bytes")], ids=str)
@pytest.mark.parametrize("path", ["/read", "/lines", "/limited", "/hinted", "/iterate", "/all",
                                  "/read?write"])
def test_every_way_to_read_the_body_and_to_answer(validated, path, body, how):
    content = BODIES[body]
    with validated.connect() as connection:
        for data in (request("POST", path, body=content, content_type="text/plain"),
                     b"POST " + path.encode() + b" HTTP/1.1\r\nHost: x\r\n"
                     b"Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
                     + (b"%x\r\n%s\r\n" % (len(content), content) if content else b"")
                     + b"0\r\n\r\n"):
            connection.send_pieces(pieces(data, how))
            answer = connection.response()
            assert answer.body.decode() == hashlib.sha256(content).hexdigest()
    assert "AssertionError" not in validated.log.text()
