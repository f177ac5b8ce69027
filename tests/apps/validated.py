# SPDX-License-Identifier: Apache-2.0
"""An application that uses all of PEP 3333, under the eyes of wsgiref's validator."""

import hashlib
import wsgiref.validate


def read(stream):
    return iter(lambda: stream.read(1000), b"")


def lines(stream):
    return iter(stream.readline, b"")


def limited_lines(stream):
    return iter(lambda: stream.readline(7), b"")


def hinted(stream):
    while found := stream.readlines(100):
        yield from found


def iterate(stream):
    return iter(stream)


WAYS = {"/read": read, "/lines": lines, "/limited": limited_lines, "/hinted": hinted,
        "/iterate": iterate, "/all": lambda stream: stream.readlines()}


def inner(environ, start_response):
    parts = list(WAYS[environ["PATH_INFO"]](environ["wsgi.input"]))
    if environ["PATH_INFO"] == "/limited":
        assert all(len(part) <= 7 for part in parts)
    digest = hashlib.sha256(b"".join(parts)).hexdigest().encode()
    environ["wsgi.errors"].write("seen\n")
    environ["wsgi.errors"].writelines(["twice\n"])
    environ["wsgi.errors"].flush()
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["QUERY_STRING"] == "write":
        write(digest[:10])
        return [digest[10:]]
    return (digest[i : i + 8] for i in range(0, len(digest), 8))


application = wsgiref.validate.validator(inner)
