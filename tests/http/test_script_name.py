# SPDX-License-Identifier: Apache-2.0
"""Which part of the path the application sees: that of the request line, whatever fields
say, below SCRIPT_NAME. The server fails the test if any of this is an error in its log."""

import json

import pytest
from support.server import Server

HOST = b"Host: example.test\r\n"


def ask(server, target, fields=b""):
    with server.connect() as connection:
        connection.send(b"GET %s HTTP/1.1\r\n" % target + HOST + fields + b"\r\n")
        answer = connection.response()
        assert "Traceback" not in answer.body.decode()
        if answer.status != 200:
            return answer.status
        facts = json.loads(answer.body)
        return facts["SCRIPT_NAME"], facts["PATH_INFO"], facts.get("HTTP_PATH_INFO")


@pytest.mark.parametrize("fields", [
    b"PATH_INFO: /admin\r\n", b"SCRIPT_NAME: /public\r\n", b"Path_Info: /admin\r\n",
    b"PATH-INFO: /admin\r\n", b"SCRIPT-NAME: /public\r\n"])
def test_no_field_changes_the_path_that_the_proxy_has_judged(server, fields):
    assert ask(server, b"/public/admin", fields)[:2] == ("", "/public/admin")


@pytest.fixture(scope="module")
def mounted():
    with Server(environment={"SCRIPT_NAME": "/app/"},
                config={"workers": 1, "forwarder_headers": ["SCRIPT_NAME", "PATH_INFO"]},
                ) as running:
        yield running
        totals = [slot["totals"] for slot in running.status()["slots"]]
        assert sum(total["application_errors"] for total in totals) == 0


@pytest.mark.parametrize("target, fields, expected", [
    (b"/app/x", b"", ("/app", "/x", None)),
    (b"/app", b"", ("/app", "", None)),
    (b"/%61pp/x", b"", ("/app", "/x", None)),
    (b"/app/x", b"PATH_INFO: /admin\r\n", ("/app", "/x", "/admin")),
    (b"/app/x", b"SCRIPT_NAME: /app/x\r\n", ("/app/x", "", None)),
    (b"/other/x", b"SCRIPT_NAME: /other/\r\n", ("/other", "/x", None)),
    (b"/apple", b"", 404),
    (b"/health/", b"", 404),
    (b"/app/x", b"SCRIPT_NAME: /zzz\r\n", 400),
    (b"/app/x", b"SCRIPT_NAME: /ap\r\n", 400),
    (b"/app/x", b"SCRIPT_NAME: app\r\n", 400)])
def test_a_path_is_below_script_name_or_refused(mounted, target, fields, expected):
    assert ask(mounted, target, fields) == expected
