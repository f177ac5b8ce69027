# SPDX-License-Identifier: Apache-2.0
"""What the demo site is there to show, by the server under test. (tests/http walks
through its pages under wsgiref's validator.)"""

import hashlib
import json
import random
import re
import time

import pytest
from browser import Browser
from support.client import Truncated, request


@pytest.mark.parametrize("size", [0, 1, 65536, 3_000_001])
def test_a_file_comes_back_as_it_was_sent(site, size):
    content = random.Random(size).randbytes(size)
    browser = Browser(site)
    assert browser.upload("/files/", f"{size}.bin", content).status == 302
    page = browser.get("/files/").body.decode()
    digest = hashlib.sha256(content).hexdigest()
    row = re.search(rf'href="(/files/\d+/)">{size}.bin</a></td><td>{size}</td><td><code>{digest}', page)
    assert row, page
    answer = browser.get(row[1])
    assert answer.status == 200
    assert answer.header("Content-Length") == str(size)
    assert answer.body == content


def test_a_stream_arrives_while_it_is_made(site):
    with site.connect() as connection:
        connection.send(request("GET", "/stream/?lines=3&seconds=1.5"))
        begin = time.monotonic()
        assert connection.head().status == 200
        first = connection._until(b"1 of 3\n")
        assert time.monotonic() - begin < 0.9, "the first line waited for the last"
        assert b"2 of 3" not in first + connection.rest
        connection._until(b"0\r\n\r\n")
        assert connection.get("/health").status == 200


def test_a_stylesheet_is_not_sent_twice(site):
    answer = site.get("/static/catalogue/site.css")
    again = site.get("/static/catalogue/site.css",
                     If_Modified_Since=answer.header("Last-Modified"))
    assert (again.status, again.body) == (304, b"")


def test_the_application_is_told_the_truth_about_its_server(site):
    told = json.loads(site.get("/server.json?a=%20b", X_Forwarded_For="192.0.2.9").body)
    environ = told["environ"]
    assert environ["REMOTE_ADDR"] == "192.0.2.9"
    assert environ["QUERY_STRING"] == "a=%20b"
    assert environ["wsgi.multithread"] is True
    assert environ["wsgi.multiprocess"] is True
    assert environ["wsgi.file_wrapper"] is True
    assert told["process"]["parent"] == site.pid


@pytest.mark.parametrize("how", ["abort", "segv", "exit"])
def test_a_worker_that_its_view_kills_is_named_and_replaced(doomed, how):
    before = doomed.await_workers(2)
    with pytest.raises(Truncated):
        Browser(doomed).ask("POST", "/crash/", f"how={how}".encode(),
                            Content_Type="application/x-www-form-urlencoded")
    assert doomed.get("/").status == 200
    assert "POST /crash/" in doomed.await_log(r"/crash/")
    after = doomed.await_workers(2)
    assert len(set(before) & set(after)) == 1


def test_sys_exit_in_a_view_is_a_500_and_no_death(doomed):
    doomed.expect.append("SystemExit")
    before = doomed.await_workers(2)
    answer = Browser(doomed).ask("POST", "/crash/", b"how=sys-exit",
                                 Content_Type="application/x-www-form-urlencoded")
    assert answer.status == 500
    assert doomed.get("/").status == 200
    assert doomed.await_workers(2) == before
