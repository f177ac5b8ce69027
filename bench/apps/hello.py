# SPDX-License-Identifier: Apache-2.0
"""The application of the benchmarks that is next to nothing itself."""

import os
import time

HELLO = b"Hello, world\n"
HELLO_HEAD = [("Content-Type", "text/plain"), ("X-Frame-Options", "DENY"),
              ("Content-Length", str(len(HELLO)))]
LARGE = b"x" * 1_000_000


def text(start_response, body):
    start_response("200 OK", [("Content-Type", "text/plain"),
                              ("Content-Length", str(len(body)))])
    return [body]


def sleep(environ, start_response):
    time.sleep(0.2)
    return text(start_response, HELLO)


def burn(environ, start_response):
    end = time.thread_time() + 0.05
    while time.thread_time() < end:
        pass
    return text(start_response, HELLO)


def large(environ, start_response):
    return text(start_response, LARGE)


def upload(environ, start_response):
    size = 0
    while block := environ["wsgi.input"].read(65536):
        size += len(block)
    return text(start_response, b"%d\n" % size)


def file(environ, start_response):
    source = open(os.environ["BENCH_FILE"], "rb")
    start_response("200 OK", [("Content-Type", "application/octet-stream"),
                              ("Content-Length", str(len(LARGE)))])
    wrapper = environ.get("wsgi.file_wrapper")
    return wrapper(source, 65536) if wrapper else iter(lambda: source.read(65536), b"")


OTHERS = {"/sleep": sleep, "/burn": burn, "/large": large, "/upload": upload, "/file": file}


def application(environ, start_response):
    if other := OTHERS.get(environ["PATH_INFO"]):
        return other(environ, start_response)
    start_response("200 OK", HELLO_HEAD)
    return [HELLO]
