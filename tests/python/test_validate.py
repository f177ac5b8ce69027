# SPDX-License-Identifier: Apache-2.0
"""wsgiref.validate stands between the server and applications that keep the rules,
and must not complain about either.
"""

import io
import sys
import warnings
from wsgiref.validate import validator

import pytest


def body_reader(environ, start_response):
    stream = environ["wsgi.input"]
    parts = [stream.read(3), stream.readline(), *stream.readlines(), stream.read(1)]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"".join(parts)]


def line_iterator(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"|".join(environ["wsgi.input"])]


def generator(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"a"
    yield b""
    yield b"b"


def writer(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"a")
    return [b"b"]


def error_page(environ, start_response):
    try:
        raise KeyError("x")
    except KeyError:
        start_response("500 Oops", [("Content-Type", "text/plain")], sys.exc_info())
    return [b"sorry"]


def error_log(environ, start_response):
    environ["wsgi.errors"].write("a line\n")
    environ["wsgi.errors"].writelines(["two ", "parts\n"])
    environ["wsgi.errors"].flush()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"logged"]


def file_sender(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](io.BytesIO(b"file"), 2)


def no_content(environ, start_response):
    start_response("204 No Content", [])
    return []


CASES = [
    (body_reader, b"one\ntwo\nthree", b"one\ntwo\nthree"),
    (body_reader, b"", b""),
    (line_iterator, b"one\ntwo", b"one\n|two"),
    (generator, None, b"ab"),
    (writer, None, b"ab"),
    (error_page, None, b"sorry"),
    (error_log, None, b"logged"),
    (file_sender, None, b"file"),
    (no_content, None, b""),
]


@pytest.mark.parametrize("application, sent, expected", CASES)
@pytest.mark.parametrize("target", ["/", "/a%20b?x=1", "/%E9"])
def test_the_validator_does_not_complain(site, application, sent, expected, target):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        method = "GET" if sent is None else "POST"
        fields = [] if sent is None else ["Content-Type: text/plain"]
        answer = site(validator(application)).request(method, target, fields, sent)
    assert answer.failure == "" and answer.finished
    assert answer.body == expected


def test_the_validator_is_not_asleep(site):
    def wrong(environ, start_response):
        start_response("200 OK", [])
        return [b"no content type"]

    assert "Content-Type" in site(validator(wrong)).get().failure
