# SPDX-License-Identifier: Apache-2.0
"""The access log and the error log, as an operator and an attacker see them."""

import json
import os
import re
import signal

import pytest
from support import django_site
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


TOKYO = """
import os, time
os.environ["TZ"] = "JST-9"
time.tzset()
def application(environ, start_response):
    environ["wsgi.errors"].write("written at %s" % time.strftime("%H %z"))
    start_response("200 OK", [("Content-Length", "0")])
    return []
"""


def test_the_zone_of_the_application_is_not_that_of_the_log():
    # Django's TIME_ZONE.
    server = Server("tokyo:application", environment={"TZ": "NST3:30"},
                    config={"access_log": "-", "workers": 1, "python_path": "."})
    server.write("tokyo.py", TOKYO)
    with server:
        server.get("/")
        assert " -0330] " in lines(server, 1)[0]
        server.await_log(r"written at \d\d \+0900")
        zones = {re.match(r"\[\S+ \S+ (\S+)\]", line)[1] for line in server.log.lines
                 if line.startswith("[2")}
        assert zones == {"-0330"}, server.log.text()


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
        # What its client got from the proxy, in a line that every reader takes.
        assert re.search(r'"GET /_exit HTTP/1\.1" 502 ', line), line


def test_a_request_past_its_deadline_is_in_the_access_log_once():
    # With another one, whose client hears nothing when the worker is killed.
    with Server(config={"access_log": "-", "workers": 1, "threads": 2, "slow_request": 1,
                        "request_timeout": 2.0, "graceful_timeout": 0.3}, expect=["."]) as server:
        with server.connect() as late, server.connect() as other:
            late.send(request(target="/stuck", x_request_id="late"))
            server.await_log(r"\(request late\) is slow")
            other.send(request(target="/other"))  # waits for the interpreter's lock
            assert late.response().status == 504
            server.await_log("worker 0 .*after")
        server.wait(lambda: any("/other" in line for line in server.out.lines), "both")
        told = [re.search(r'"GET (\S+)[^"]*" (\S+) ', line) for line in server.out.lines]
        assert sorted(found.groups() for found in told) == [("/other", "502"), ("/stuck", "504")]


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


NOISY = """
import os, sys
print("said at import", file=sys.stderr)
def application(environ, start_response):
    print("said in a view", environ["PATH_INFO"], file=sys.stderr)
    print("said to stdout", environ["PATH_INFO"])
    os.write(2, b"said by a library\\n")
    os.system("echo said by a child >&2")
    start_response("200 OK", [("Content-Length", "0")])
    return []
"""


def noisy(**config):
    server = Server("noisy:application", config={"workers": 1, **config}, expect=["."])
    server.config["error_log"] = server.path("error.log")
    server.write("noisy.py", NOISY)
    return server


def logged(server):
    with open(server.path("error.log"), encoding="utf-8") as file:
        return file.read()


def test_what_the_application_prints_as_an_error_is_where_the_errors_are():
    with noisy() as server:
        server.get("/one")
        server.wait(lambda: "said by a child" in logged(server), "what was printed")
        text = logged(server)
        for said in ("said at import", "said in a view /one", "said by a library"):
            assert said in text and said not in server.log.text()
        assert "said to stdout" not in text
        # logrotate: the new file has what comes from then on.
        os.rename(server.path("error.log"), server.path("error.log.1"))
        server.send_signal(signal.SIGUSR1)
        server.wait(lambda: os.path.exists(server.path("error.log")), "a new file")
        server.wait(lambda: server.get("/two") and "said in a view /two" in logged(server),
                    "what was printed later")
        # A worker that the zygote forks now writes to the new one, too.
        old, = server.await_workers(1)
        os.kill(old, signal.SIGKILL)
        server.await_workers(1, without=[old])
        server.get("/three")
        server.wait(lambda: "said in a view /three" in logged(server), "what was printed")


def test_where_the_output_of_the_application_goes_can_be_chosen():
    with noisy(application_output="all") as server:
        server.get("/one")
        server.wait(lambda: "said to stdout /one" in logged(server), "its stdout")
    with noisy(application_output="off") as server:
        server.get("/one")
        server.wait(lambda: "said by a child" in server.log.text(), "its stderr")
        assert "said in a view /one" in server.log.text()
        assert "said" not in logged(server)


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_error_of_the_application_names_its_request(form):
    with Server(config={"workers": 1, "error_log_format": form}, expect=["."]) as server:
        server.get("/fail", x_request_id="abc-1")
        line = server.await_log("a mistake in a view")
        message = json.loads(line)["message"] if form == "json" else line
        assert re.search(r"GET /fail \(request abc-1\): application raised: \w+: a mistake in "
                         "a view", message), message
        if form == "json":
            assert json.loads(line)["request_id"] == "abc-1"


def test_the_trace_of_a_proxy_is_the_request_id_where_there_is_no_other():
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    parent = f"00-{trace}-00f067aa0ba902b7-01"
    with Server(config={"workers": 1, "access_log": "-", "access_log_format": "json"},
                expect=["."]) as server:
        server.get("/fail", traceparent=parent)
        assert f"(request {trace})" in server.await_log("application raised")
        server.get("/fail", traceparent=parent, x_request_id="own")
        assert server.await_log(rf"\(request own, trace {trace}\): application raised")
        first, second = (json.loads(line) for line in lines(server, 2))
        assert first["request_id"] == first["trace_id"] == second["trace_id"] == trace
        assert second["request_id"] == "own"
        with server.connect() as connection:
            connection.send(request(target="/gate", traceparent=parent))
            held = server.gates.arrived("gate")
            running, = server.status()["slots"][0]["worker"]["running"]
            assert running["request_id"] == trace
            held.release()
            connection.response()


def test_exceptions_that_django_answers_are_logged_where_that_is_wanted():
    views = "\ndef late(request):\n    raise ValueError('of a view')\n"
    for wanted in (True, False):
        with django_site.site(config={"workers": 1, "log_exceptions": wanted},
                              expect=["Django answers 500"]) as server:
            django_site.write(server, 2, views=django_site.VIEWS.format(version=2, more="")
                              + views)
            server.send_signal(signal.SIGHUP)
            server.await_log("generation 2 has taken over")
            assert server.get("/late", x_request_id="abc-1").status == 500
            if wanted:
                line = server.await_log("Django answers 500")
                assert "GET /late (request abc-1)" in line and "ValueError: of a view" in line
                server.await_log("in late")  # the traceback
            else:
                server.get("/")
                assert "Django answers 500" not in server.log.text()
