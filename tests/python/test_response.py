# SPDX-License-Identifier: Apache-2.0
"""What an application may answer, and what happens when it breaks the rules."""

import sys

import pytest


class Blocks:
    """An iterable with close(), which counts its calls."""

    def __init__(self, *blocks):
        self.blocks = blocks
        self.closed = 0

    def __iter__(self):
        for block in self.blocks:
            if isinstance(block, BaseException):
                raise block
            yield block

    def close(self):
        self.closed += 1


def answering(result, status="200 OK", headers=()):
    def application(environ, start_response):
        start_response(status, list(headers))
        return result

    return application


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_sequence_is_sent_with_its_length(site, kind):
    answer = site(answering(kind([b"ab", b"", b"cde"]))).get()
    assert answer.status == "200 OK"
    assert answer.field("Content-Length") == "5"
    assert answer.body == b"abcde" and answer.finished


@pytest.mark.parametrize("empty", [[], (), [b""], iter([]), iter([b"", b""])])
def test_an_empty_answer_is_an_answer(site, empty):
    answer = site(answering(empty)).get()
    assert answer.status == "200 OK" and answer.finished
    assert answer.field("Content-Length") == "0"


def test_a_generator_is_streamed_without_a_length(site):
    answer = site(answering(b"%d" % i for i in range(5))).get()
    assert answer.body == b"01234" and answer.finished
    assert answer.field("Content-Length") is None


def test_close_is_called_once_after_the_last_block(site):
    blocks = Blocks(b"a", b"b")
    assert site(answering(blocks)).get().body == b"ab"
    assert blocks.closed == 1


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), KeyboardInterrupt()])
def test_close_is_called_once_when_the_iterable_raises(site, error):
    blocks = Blocks(b"a", error)
    answer = site(answering(blocks)).get()
    assert blocks.closed == 1
    assert not answer.finished and "Traceback" in answer.failure


def test_an_error_of_close_is_logged_and_the_answer_stands(site, logged):
    class Bad(Blocks):
        def close(self):
            raise OSError("cannot close")

    answer = site(answering(Bad(b"a"))).get("/where")
    assert answer.finished and answer.failure == ""
    assert "cannot close" in logged() and "/where" in logged()


def test_a_subclass_of_list_with_close_is_closed(site):
    class Closing(list):
        closed = 0

        def close(self):
            self.closed += 1

    blocks = Closing([b"a"])
    assert site(answering(blocks)).get().body == b"a"
    assert blocks.closed == 1


@pytest.mark.parametrize("result", [["text"], iter(["text"]), [b"a", None], [bytearray(1)]])
def test_blocks_must_be_bytes(site, result):
    answer = site(answering(result)).get()
    assert answer.status.startswith("500") or not answer.finished
    assert "must yield bytes" in answer.failure


@pytest.mark.parametrize("result", [None, 5])
def test_the_result_must_be_iterable(site, result):
    assert "TypeError" in site(answering(result)).get().failure


def test_the_head_may_come_with_the_first_block(site):
    def application(environ, start_response):
        yield b""
        start_response("201 Created", [("X-A", "1")])
        yield b"body"

    answer = site(application).get()
    assert answer.status == "201 Created" and answer.body == b"body"


@pytest.mark.parametrize("result", [[b"x"], [], iter([b"x"]), iter([])])
def test_an_answer_without_start_response_is_an_error(site, result):
    answer = site(lambda environ, start_response: result).get()
    assert "did not call start_response" in answer.failure and not answer.finished


def test_start_response_twice_is_an_error(site):
    def application(environ, start_response):
        start_response("200 OK", [])
        start_response("200 OK", [])
        return [b"x"]

    assert "AssertionError" in site(application).get().failure


def test_an_error_page_replaces_a_head_that_was_not_sent(site):
    def application(environ, start_response):
        start_response("200 OK", [("X-First", "1")])
        try:
            raise ValueError
        except ValueError:
            start_response("500 Oops", [("X-Second", "2")], sys.exc_info())
        return [b"sorry"]

    answer = site(application).get()
    assert answer.status == "500 Oops" and answer.body == b"sorry"
    assert answer.field("X-First") is None and answer.field("X-Second") == "2"


def test_exc_info_is_raised_again_once_the_head_was_sent(site):
    def application(environ, start_response):
        start_response("200 OK", [])
        yield b"sent"
        try:
            raise LookupError("late")
        except LookupError:
            start_response("500 Oops", [], sys.exc_info())
        yield b"never"

    answer = site(application).get()
    assert answer.body == b"sent" and not answer.finished
    assert "LookupError: late" in answer.failure


@pytest.mark.parametrize(
    "status, headers",
    [
        (b"200 OK", []),
        (200, []),
        ("200 OK", None),
        ("200 OK", ()),
        ("200 OK", [("A", b"1")]),
        ("200 OK", [(b"A", "1")]),
        ("200 OK", [["A", "1"]]),
        ("200 OK", [("A", "1", "2")]),
        ("200 OK", [("A", 1)]),
        ("200 OK", [("A", "\u20ac")]),
    ],
)
def test_wrong_types_raise_where_the_application_gives_them(site, status, headers):
    raised = []

    def application(environ, start_response):
        try:
            start_response(status, headers)
        except (TypeError, UnicodeEncodeError) as error:
            raised.append(error)
        start_response("200 OK", [])
        return [b"recovered"]

    assert site(application).get().body == b"recovered"
    assert len(raised) == 1


@pytest.mark.parametrize(
    "status, headers",
    [
        ("200", [("A", "x\r\nInjected: 1")]),
        ("200 OK", [("A\n", "x")]),
        ("200 OK", [("A", "x\0")]),
        ("2000 OK", []),
        ("200 OK\r\nX: 1", []),
        ("200 OK", [("Content-Length", "-1")]),
        ("200 OK", [("Transfer-Encoding", "chunked")]),
    ],
)
def test_a_head_that_may_not_be_sent_is_an_error(site, status, headers):
    answer = site(answering([b"x"], status, headers)).get()
    assert answer.failure != "" and not answer.finished
    # Raised by start_response, so that the log names the line of the application.
    assert "in application\n    start_response(status" in answer.failure
    assert not any(name == "Injected" for name, _ in answer.fields)


def test_latin_1_goes_out_byte_for_byte(site):
    answer = site(answering([b""], "200 caf\xe9", [("X-A", "\xe9")])).get()
    assert answer.status == "200 caf\xe9" and answer.field("X-A") == "\xe9"


def test_the_list_of_headers_may_change_after_the_call(site):
    def text(letter):
        return "".join([letter] * 50)  # a new object, that nothing else keeps

    others = []

    def application(environ, start_response):
        headers = [(text("A"), text("1"))]
        start_response("200 OK", headers)
        headers.clear()
        others.extend(text("B") for _ in range(1000))  # where the first ones were
        return [b"x"]

    assert site(application).get().field("A" * 50) == "1" * 50


def test_write_sends_before_the_iterable(site):
    def application(environ, start_response):
        write = start_response("200 OK", [])
        write(b"one ")
        write(b"")
        write(b"two ")
        return [b"three"]

    answer = site(application).get()
    assert answer.body == b"one two three" and answer.finished
    assert answer.field("Content-Length") is None


def test_write_takes_bytes_only(site):
    def application(environ, start_response):
        start_response("200 OK", [])("text")

    assert "TypeError" in site(application).get().failure


def test_what_was_kept_from_a_request_is_of_no_use_later(site):
    kept = []

    def application(environ, start_response):
        if not kept:
            kept.extend([start_response, start_response("200 OK", [])])
            kept.append(environ["wsgi.early_hints"])
            return [b"first"]
        for call in (
            lambda: kept[0]("200 OK", []),
            lambda: kept[1](b"into another's answer"),
            lambda: kept[2]([]),
        ):
            with pytest.raises(RuntimeError):
                call()
        start_response("200 OK", [])
        return [b"second"]

    here = site(application, early_hints=True)
    assert here.get().body == b"first"
    assert here.get().body == b"second"


@pytest.mark.parametrize("error", [SystemExit(0), SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_whatever_a_view_raises_is_its_own_affair(site, error):
    def application(environ, start_response):
        raise error

    here = site(application)
    answer = here.get()
    assert type(error).__name__ in answer.failure and "Traceback" in answer.failure
    assert here.get().failure != ""


def test_a_head_request_may_tell_a_length_and_send_nothing(site):
    answer = site(answering([], headers=[("Content-Length", "1234")])).request("HEAD")
    assert answer.status == "200 OK" and answer.finished
    assert answer.field("Content-Length") == "1234"


def test_a_head_request_that_tells_no_length_gets_none(site):
    # Nothing instead of a body that GET would have is not a body of length 0.
    answer = site(answering([])).request("HEAD")
    assert answer.status == "200 OK" and answer.finished
    assert answer.field("Content-Length") is None


def test_head_gets_no_body(site):
    answer = site(answering([b"abc"])).request("HEAD")
    assert answer.body == b"" and answer.finished
    assert answer.field("Content-Length") == "3"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_answers_that_have_no_body_get_none(site, status):
    answer = site(answering([b""], status)).get()
    assert answer.status == status and answer.finished and answer.body == b""


def test_a_body_shorter_than_its_length_is_not_a_whole_one(site):
    answer = site(answering(iter([b"abc"]), headers=[("Content-Length", "5")])).get()
    assert not answer.finished


def test_a_list_that_contradicts_its_length_is_an_error(site):
    answer = site(answering([b"abc"], headers=[("Content-Length", "5")])).get()
    assert answer.failure != "" and not answer.finished


def test_early_hints_are_passed_on(site):
    def application(environ, start_response):
        environ["wsgi.early_hints"]([("Link", "</a.css>; rel=preload")])
        start_response("200 OK", [])
        return [b"x"]

    answer = site(application, early_hints=True).get()
    assert answer.hints == "Link: </a.css>; rel=preload\r\n" and answer.body == b"x"
