# SPDX-License-Identifier: Apache-2.0
"""The access log and the error log, as an operator and an attacker see them."""

import json
import re

from support.client import request
from support.server import Server


def lines(server, count):
    server.wait(lambda: len(server.out.lines) >= count, f"{count} lines of the access log")
    return server.out.lines


def test_the_default_format_is_gunicorns():
    with Server(config={"access_log": "-", "workers": 1}) as server:
        server.get("/a%20b?q=1", referer="http://r.test/", user_agent="agent/1")
        line = lines(server, 1)[0]
        assert re.fullmatch(
            r'- - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /a%20b\?q=1 HTTP/1\.1" '
            r'200 \d+ "http://r\.test/" "agent/1"', line), line


def test_nothing_a_client_sends_forges_a_line():
    with Server(config={"access_log": "-", "workers": 1}, expect=["."]) as server:
        with server.connect() as connection:
            connection.send(b"GET /%22%0a?x=\" HTTP/1.1\r\nHost: x\r\n"
                            b"User-Agent: a\" 200 \xe2\x80\xa8\x9b1m \\x\r\n"
                            b"Referer: \"\t\"\r\n\r\n")
            connection.response()
        server.get("/next")
        first, second = lines(server, 2)[:2]
        assert first.isascii() and first.isprintable()
        assert '\\"' in first and "/next" in second
        server.get("/fail", x_request_id="a\"b\\c")
        server.await_log("a mistake in a view")
        assert all(line.replace("\t", "").isprintable() for line in server.log.lines)


def test_json_is_one_object_a_line():
    with Server(config={"access_log": "-", "access_log_format": "json", "workers": 1,
                        "error_log_format": "json"}) as server:
        server.get('/x?"\\', user_agent='"\xff')
        entry = json.loads(lines(server, 1)[0])
        assert "/x" in json.dumps(entry) and 200 in entry.values()
        for line in server.log.lines:
            assert isinstance(json.loads(line), dict)


def test_requests_that_were_refused_are_in_the_access_log():
    with Server(config={"access_log": "-", "workers": 1}) as server:
        with server.connect() as connection:
            connection.send(b"GET / HTTP/1.1\r\n\r\n")
            assert connection.response().status == 400
        assert '" 400 ' in lines(server, 1)[0]


def test_a_request_that_died_with_its_worker_is_in_the_access_log():
    with Server(config={"access_log": "-", "workers": 1}, expect=["."]) as server:
        with server.connect() as connection:
            connection.send(request(target="/_exit?status=9"))
            assert connection.closed()
        server.wait(lambda: any("/_exit" in line for line in server.out.lines),
                    "the line of the request that died")
        line, = [line for line in server.out.lines if "/_exit" in line]
        assert re.search(r'"GET /_exit[^"]*" - ', line), line  # no status: nothing was sent


def test_a_request_past_its_deadline_is_in_the_access_log_once():
    # With another one, whose client hears nothing when the worker is killed.
    with Server(config={"access_log": "-", "workers": 1, "threads": 2, "slow_request": 1,
                        "request_timeout": 2.0, "graceful_timeout": 0.3}, expect=["."]) as server:
        with server.connect() as late, server.connect() as other:
            late.send(request(target="/stuck", x_request_id="late"))
            server.await_log("request is slow.*late")
            other.send(request(target="/other"))  # waits for the interpreter's lock
            assert late.response().status == 504
            server.await_log("worker 0 .*after")
        server.wait(lambda: any("/other" in line for line in server.out.lines), "both")
        told = [re.search(r'"GET (\S+)[^"]*" (\S+) ', line) for line in server.out.lines]
        assert sorted(found.groups() for found in told) == [("/other", "-"), ("/stuck", "504")]


def test_names_with_underscores_are_told_once():
    with Server(config={"workers": 1}) as server:
        for _ in range(3):
            with server.connect() as connection:
                connection.ask(b"GET / HTTP/1.1\r\nHost: x\r\nX_Secret: 1\r\n\r\n")
        server.await_log("(?i)underscore")
        server.get()
        told = [line for line in server.log.lines if "underscore" in line.lower()]
        assert len(told) == 1


def test_the_log_names_interpreter_listeners_and_workers():
    with Server() as server:
        text = server.log.text()
        assert "/usr/bin/python3" in text and server.path("http.sock") in text


def test_what_the_application_writes_to_wsgi_errors_arrives():
    server = Server("errors:application")
    server.write("errors.py", "def application(environ, start_response):\n"
                 "    environ['wsgi.errors'].write('one\\ntwo\\n')\n"
                 "    print('three', file=environ['wsgi.errors'])\n"
                 "    start_response('200 OK', [])\n    return [b'x']\n")
    with server:
        server.get()
        for word in ("one", "two", "three"):
            server.await_log(word)
