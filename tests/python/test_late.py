# SPDX-License-Identifier: Apache-2.0
"""What a request gave its application, used by another thread while the request ends."""

import sys
import threading

import pytest


class Waiting:
    """An argument whose own code waits, in the midst of the call, until `go` is set."""

    def __init__(self):
        self.there, self.go = threading.Event(), threading.Event()

    def wait(self):
        self.there.set()
        assert self.go.wait(20)

    def __index__(self):
        self.wait()
        return 5

    def __iter__(self):
        self.wait()
        return iter([("Link", "</late.css>")])


class Word(str):
    """A keyword that waits when it is looked up."""

    def __hash__(self):
        self.waiting.wait()
        return str.__hash__(self)


def word(text, waiting):
    made = Word(text)
    made.waiting = waiting
    return made


CALLS = {
    "read": lambda given, w: given["wsgi.input"].read(w),
    "readline": lambda given, w: given["wsgi.input"].readline(w),
    "readlines": lambda given, w: given["wsgi.input"].readlines(w),
    "early_hints": lambda given, w: given["wsgi.early_hints"](w),
    "start_response": lambda given, w: given["start_response"](
        "200 OK", **{word("headers", w): []}),
    "write": lambda given, w: given["write"](**{word("data", w): b"late"}),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_call_during_which_its_request_ends_raises(site, call):
    waiting, raised, threads = Waiting(), [], []

    def late(given):
        try:
            CALLS[call](given, waiting)
        except (ValueError, RuntimeError) as error:
            raised.append(str(error))

    def application(environ, start_response):
        given = dict(environ, start_response=start_response)
        given["write"] = start_response("200 OK", [])
        threads.append(threading.Thread(target=late, args=(given,)))
        threads[0].start()
        assert waiting.there.wait(20)
        return [b"answer"]

    answer = site(application, early_hints=True).request("POST", body=b"body of the request")
    waiting.go.set()
    threads[0].join()
    assert raised and "has ended" in raised[0]
    assert answer.body == b"answer" and answer.hints == ""


def test_a_head_whose_objects_answer_as_they_die_is_one_of_those_given(site):
    class Last(str):
        def __del__(self):
            give("202 Accepted", [("X-A", "from the dead")] * 20)

    given = []

    def give(status, headers):
        try:
            raise LookupError
        except LookupError:
            given[0](status, headers, sys.exc_info())

    def application(environ, start_response):
        given[:] = [start_response]
        start_response(Last("200 OK"), [(Last("X-A"), Last("a" * 100))])
        give("201 Created", [("X-A", "b" * 100)])
        return [b"x"]

    answer = site(application).get()
    given.clear()
    assert answer.status == "201 Created" and answer.fields.count(("X-A", "b" * 100)) == 1
