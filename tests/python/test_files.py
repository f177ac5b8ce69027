# SPDX-License-Identifier: Apache-2.0
"""wsgi.file_wrapper (PEP 3333, "Optional Platform-Specific File Handling")."""

import gzip
import io
import os
import tempfile

import pytest

CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(CONTENT)
    return file


def wrapping(open_file, headers=(), **arguments):
    def application(environ, start_response):
        start_response("200 OK", list(headers))
        application.file = open_file()
        return environ["wsgi.file_wrapper"](application.file, **arguments)

    return application


def skipped(path, count):
    file = open(path, "rb")
    file.seek(count)
    return file


def partly_read(path, count):
    file = open(path, "rb")
    file.read(count)
    return file


@pytest.mark.parametrize("sendfile", [True, False])
@pytest.mark.parametrize(
    "open_file, expected",
    [
        (lambda p: open(p, "rb"), CONTENT),
        (lambda p: open(p, "rb", buffering=0), CONTENT),
        (lambda p: open(p, "r+b"), CONTENT),
        (lambda p: skipped(p, 1000), CONTENT[1000:]),
        (lambda p: partly_read(p, 1000), CONTENT[1000:]),
        (lambda p: skipped(p, 10**7), b""),
        (lambda p: io.BytesIO(CONTENT), CONTENT),
    ],
    ids=["buffered", "raw", "random", "skipped", "partly-read", "past-end", "memory"],
)
def test_a_file_is_sent_from_where_it_stands(site, path, open_file, expected, sendfile):
    application = wrapping(lambda: open_file(path))
    answer = site(application, sendfile=sendfile).get()
    assert answer.failure == "" and answer.finished and answer.body == expected
    assert application.file.closed


def test_the_length_of_a_regular_file_is_told(site, path):
    answer = site(wrapping(lambda: open(path, "rb"))).get()
    assert answer.field("Content-Length") == str(len(CONTENT))


def test_the_application_may_send_less_than_the_file(site, path):
    application = wrapping(lambda: open(path, "rb"), [("Content-Length", "100")])
    answer = site(application).get()
    assert answer.body == CONTENT[:100] and answer.finished


def test_more_than_the_file_has_is_an_error_and_not_a_short_answer(site, path):
    application = wrapping(lambda: open(path, "rb"), [("Content-Length", "999999")])
    answer = site(application).get()
    assert not answer.finished and answer.failure != ""
    assert application.file.closed


def test_what_a_descriptor_holds_is_not_always_what_reading_gives(site, path, tmp_path):
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(CONTENT))
    answer = site(wrapping(lambda: gzip.open(packed))).get()
    assert answer.body == CONTENT and answer.finished


def test_a_file_that_changes_what_it_reads_is_read(site, path):
    class Reversing(io.BufferedReader):
        def read(self, size=-1):
            return super().read(size)[::-1]

    file = Reversing(io.FileIO(path))
    answer = site(wrapping(lambda: file, blksize=len(CONTENT))).get()
    assert answer.body == CONTENT[::-1]


def test_a_pipe_is_read(site):
    read_end, write_end = os.pipe()
    os.write(write_end, b"through a pipe")
    os.close(write_end)
    answer = site(wrapping(lambda: open(read_end, "rb"))).get()
    assert answer.body == b"through a pipe"


def test_a_named_temporary_file_is_sent(site):
    def make():
        file = tempfile.NamedTemporaryFile()
        file.write(CONTENT)
        file.seek(5)
        return file

    assert site(wrapping(make)).get().body == CONTENT[5:]


@pytest.mark.parametrize("path", ["/proc/version", "/sys/kernel/uevent_seqnum", "/dev/zero"])
def test_what_a_size_does_not_tell_is_read(site, path):
    headers = [("Content-Length", "100")] if path == "/dev/zero" else []
    answer = site(wrapping(lambda: open(path, "rb"), headers)).get()
    with open(path, "rb") as file:
        assert answer.body == file.read(100 if headers else -1) != b""
    assert answer.failure == "" and answer.finished


def test_the_block_size_is_honoured(site):
    sizes = []

    class Reader:
        def read(self, size):
            sizes.append(size)
            return b"x" if len(sizes) == 1 else b""

    assert site(wrapping(Reader, blksize=7)).get().body == b"x"
    assert sizes == [7, 7]


def test_a_wrapper_can_be_iterated_and_indexed(site):
    def application(environ, start_response):
        wrapper = environ["wsgi.file_wrapper"](io.BytesIO(b"abcdef"), 2)
        assert wrapper[0] == b"ab"
        assert list(iter(wrapper)) == [b"cd", b"ef"]
        with pytest.raises(IndexError):
            wrapper[0]
        start_response("200 OK", [])
        return [b"fine"]

    assert site(application).get().body == b"fine"


def test_no_descriptor_is_left_open(site, path):
    here = site(wrapping(lambda: open(path, "rb")))
    here.get()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        here.get()
    assert len(os.listdir("/proc/self/fd")) == before
