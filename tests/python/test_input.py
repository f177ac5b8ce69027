# SPDX-License-Identifier: Apache-2.0
"""wsgi.input and wsgi.errors (PEP 3333, "Input and Error Streams")."""

import io

import pytest

BODY = b"first\nsecond line\n\nlast without end"
LONG = b"".join(b"%d" % i * (i % 700) + b"\n" for i in range(400)) + b"x" * 50_000


def ask(site, use, body):
    kept = {}

    def application(environ, start_response):
        kept["result"] = use(environ["wsgi.input"])
        start_response("200 OK", [])
        return []

    answer = site(application).request("POST", body=body)
    assert answer.failure == ""
    return kept["result"]


USES = [
    lambda f: f.read(),
    lambda f: f.read(-1),
    lambda f: f.read(None),
    lambda f: f.read(0),
    lambda f: f.read(3),
    lambda f: (f.read(3), f.read(4), f.read(), f.read(), f.read(5)),
    lambda f: f.read(10**9),
    lambda f: f.readline(),
    lambda f: (f.readline(3), f.readline(), f.readline(0), f.readline(-1)),
    lambda f: (f.readline(), f.read(2), f.readline(), f.read()),
    lambda f: f.readlines(),
    lambda f: f.readlines(7),
    lambda f: (f.readlines(1), f.readlines()),
    lambda f: f.readlines(0),
    lambda f: list(f),
    lambda f: (next(f), f.read(1), list(f), f.read(), f.readline(), f.readlines()),
    lambda f: [f.readline(100) for _ in range(900)],
    lambda f: [f.read(17_000) for _ in range(9)],
    lambda f: (f.read(20_000), f.readline(), f.readline(), f.read()),
]


@pytest.mark.parametrize(
    "body",
    [BODY, LONG, b"", b"\n", b"no newline"],
    ids=["short", "long", "empty", "newline", "no-newline"],
)
@pytest.mark.parametrize("use", USES, ids=range(len(USES)))
def test_reading_gives_what_a_file_gives(site, use, body):
    def tolerant(f):
        try:
            return use(f)
        except StopIteration:
            return "stopped"

    assert ask(site, tolerant, body) == tolerant(io.BytesIO(body))


def test_sizes_must_be_numbers(site):
    def use(f):
        with pytest.raises(TypeError):
            f.read("3")
        return f.read()

    assert ask(site, use, BODY) == BODY


def test_a_body_that_was_kept_cannot_be_read_after_its_request(site):
    kept = []

    def application(environ, start_response):
        kept.append(environ["wsgi.input"])
        start_response("200 OK", [])
        return []

    here = site(application)
    here.request("POST", body=b"secret of one")
    here.request("POST", body=b"secret of two")
    assert kept[0] is not kept[1]
    for body in kept:
        for call in (body.read, body.readline, body.readlines, lambda: next(body)):
            with pytest.raises(ValueError):
                call()


def test_errors_go_to_the_log_as_they_are(site, logged):
    def application(environ, start_response):
        errors = environ["wsgi.errors"]
        errors.write("one \xe9\n")
        errors.writelines(["two\n", "three\n"])
        errors.flush()
        with pytest.raises(TypeError):
            errors.write(b"bytes")
        start_response("200 OK", [])
        return []

    assert site(application).get().failure == ""
    assert "one \xe9\ntwo\nthree\n" in logged()
