# SPDX-License-Identifier: Apache-2.0
"""Files that the server answers with by itself: RFC 9110, and nothing from elsewhere.
tests/dev/test_nginx.py compares with nginx on the same directory."""

import email.utils
import gzip
import os
import re
import shutil
import time

import pytest
from support.client import request
from support.server import Server

OLD = 1_700_000_000  # when the files were changed last


def put(path, data, changed=OLD):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (changed, changed))


@pytest.fixture(name="server", scope="module")
def _server(tmp_path_factory):
    base = tmp_path_factory.mktemp("static")
    root = base / "root"
    put(root / "a.txt", bytes(range(48, 58)))
    put(root / "empty.css", b"")
    put(root / "deep" / "page.html", b"<p>deep</p>")
    put(root / "app.55e7cbb9ba48.js", b"x" * 3000)
    put(root / "app.55e7cbb9ba48.js.gz", gzip.compress(b"x" * 3000))
    put(root / "app.55e7cbb9ba48.js.br", b"as if it were brotli")
    put(root / "stale.css", b"new" * 100)
    put(root / "stale.css.gz", gzip.compress(b"old"), OLD - 5)
    put(root / "large.bin", os.urandom(4 << 20))
    put(root / "to come.txt", b"x", time.time() + 86400)
    put(root / ".hidden", b"secret")
    put(root / ".git" / "config", b"secret")
    put(base / "secret.txt", b"secret")
    put(base / "rooted" / "x.txt", b"secret")
    (root / "out").symlink_to("../secret.txt")
    (root / "out-absolute").symlink_to(base / "secret.txt")
    (root / "up").symlink_to("..")
    (root / "in").symlink_to("deep/page.html")
    (root / "in-absolute").symlink_to(root / "a.txt")
    (root / "loop").symlink_to("loop")
    (root / "hidden").symlink_to(".hidden")
    (root / "hidden-absolute").symlink_to(root / ".hidden")
    (root / "hidden-deep").symlink_to("../root/.git")
    (root / "deep" / "page.html.gz").symlink_to("../.hidden")
    (root / "proc").symlink_to("/proc/self/root/etc/passwd")
    os.mkfifo(root / "fifo")
    with Server(config={"static": {"/static": str(root), "/static/deeper": str(base / "rooted"),
                                   "/media": str(base / "rooted")}}) as server:
        server.root = root
        yield server


def date(seconds):
    return email.utils.formatdate(seconds, usegmt=True)


def ask(server, method, target, **fields):
    with server.connect() as connection:
        connection.send(request(method, target, **fields))
        return connection.response(method)


def get(server, target, **fields):
    return ask(server, "GET", target, **fields)


def test_a_file_comes_with_its_type_length_date_and_tag(server):
    answer = get(server, "/static/a.txt?version=3")
    assert (answer.status, answer.body) == (200, b"0123456789")
    assert answer.header("Content-Type") == "text/plain; charset=utf-8"
    assert answer.header("Content-Length") == "10"
    assert answer.header("Last-Modified") == date(OLD)
    assert re.fullmatch(r'"[0-9a-f-]+"', answer.header("ETag"))
    assert answer.header("Accept-Ranges") == "bytes"
    assert answer.header("X-Content-Type-Options") == "nosniff"
    assert answer.header("Cache-Control") is None
    assert get(server, "/static/empty.css").header("Content-Length") == "0"
    assert get(server, "/static/deep/%70age.html").body == b"<p>deep</p>"


def test_head_is_get_without_the_body(server):
    for target in ("/static/a.txt", "/static/large.bin", "/static/empty.css", "/static/nothing"):
        with_body, without = get(server, target), ask(server, "HEAD", target)
        assert without.status == with_body.status and without.body == b""
        assert without.fields == with_body.fields


def test_other_methods_are_told_which_there_are(server):
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"):
        answer = ask(server, method, "/static/a.txt")
        assert (answer.status, answer.header("Allow")) == (405, "GET, HEAD")


def test_conditions_hold_in_the_order_of_the_rfc(server):
    tag = get(server, "/static/a.txt").header("ETag")
    before, after = date(OLD - 1), date(OLD + 1)
    for fields, status in [
            ({"If_None_Match": tag}, 304), ({"If_None_Match": f'"x", W/{tag}'}, 304),
            ({"If_None_Match": "*"}, 304), ({"If_None_Match": '"x"'}, 200),
            ({"If_Modified_Since": date(OLD)}, 304), ({"If_Modified_Since": after}, 304),
            ({"If_Modified_Since": before}, 200), ({"If_Modified_Since": "today"}, 200),
            ({"If_Modified_Since": "Tuesday, 14-Nov-23 22:13:20 GMT"}, 304),
            ({"If_Modified_Since": "Tue Nov 14 22:13:20 2023"}, 304),
            # The tag is the better witness: a date beside it does not count.
            ({"If_None_Match": '"x"', "If_Modified_Since": after}, 200),
            ({"If_Match": tag}, 200), ({"If_Match": "*"}, 200), ({"If_Match": '"x"'}, 412),
            ({"If_Match": f"W/{tag}"}, 412), ({"If_Unmodified_Since": before}, 412),
            ({"If_Unmodified_Since": after}, 200),
            ({"If_Match": tag, "If_Unmodified_Since": before}, 200),
            ({"If_Match": tag, "If_None_Match": tag}, 304),
            ({"If_Match": '"x"', "If_None_Match": tag}, 412)]:
        for method in ("GET", "HEAD"):
            answer = ask(server, method, "/static/a.txt", **fields)
            assert answer.status == status, (fields, answer)
            if status == 304:
                assert answer.body == b"" and answer.header("ETag") == tag
                assert answer.header("Content-Type") is None


def test_ranges_are_the_bytes_that_were_asked_for(server):
    for asked, status, body, told in [
            ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
            ("bytes=7-", 206, b"789", "bytes 7-9/10"),
            ("bytes=-2", 206, b"89", "bytes 8-9/10"),
            ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
            ("bytes=5-99999999999999999999999", 206, b"56789", "bytes 5-9/10"),
            ("BYTES = 1-1", 200, None, None), ("bytes= 1-1 ", 206, b"1", "bytes 1-1/10"),
            ("bytes=10-", 416, b"", "bytes */10"), ("bytes=-0", 416, b"", "bytes */10"),
            ("bytes=99999999999999999999999-", 416, b"", "bytes */10"),
            ("bytes=10-,2-2", 206, b"2", "bytes 2-2/10"),
            ("bytes=3-1", 200, None, None), ("bytes=a-b", 200, None, None),
            ("bytes=", 200, None, None), ("bytes=1", 200, None, None),
            ("lines=1-2", 200, None, None), ("bytes=0-5,3-7", 200, None, None)]:
        answer = get(server, "/static/a.txt", Range=asked)
        assert answer.status == status, (asked, answer)
        assert answer.header("Content-Range") == told
        assert answer.body == (b"0123456789" if body is None else body)
    assert ask(server, "HEAD", "/static/a.txt", Range="bytes=0-3").status == 200
    assert get(server, "/static/empty.css", Range="bytes=0-").status == 416
    assert get(server, "/static/empty.css", Range="bytes=-5").status == 200


def test_several_ranges_come_as_parts_of_one_body(server):
    answer = get(server, "/static/a.txt", Range="bytes=0-1, 8-9,4-4")
    assert answer.status == 206 and answer.header("Content-Range") is None
    kind, _, boundary = answer.header("Content-Type").partition("; boundary=")
    assert kind == "multipart/byteranges"
    *parts, end = answer.body.split(b"\r\n--" + boundary.encode())
    assert end == b"--\r\n" and parts[0] == b""
    assert [part.partition(b"\r\n\r\n")[2] for part in parts[1:]] == [b"01", b"89", b"4"]
    assert b"Content-Range: bytes 8-9/10" in parts[2]
    many = ",".join(f"{i}-{i}" for i in range(0, 40, 2))
    assert get(server, "/static/large.bin", Range="bytes=" + many).status == 200


def test_if_range_asks_for_the_part_only_of_the_same_file(server):
    tag = get(server, "/static/a.txt").header("ETag")
    for given, status in [(tag, 206), (date(OLD), 206), (f"W/{tag}", 200), ('"x"', 200),
                          (date(OLD + 1), 200), (date(OLD - 1), 200), ("", 200)]:
        answer = get(server, "/static/a.txt", Range="bytes=0-0", If_Range=given)
        assert answer.status == status, (given, answer)


def test_a_compressed_file_beside_it_is_sent_to_who_takes_it(server):
    name = "/static/app.55e7cbb9ba48.js"
    plain = get(server, name)
    assert plain.header("Content-Encoding") is None and plain.header("Vary") == "Accept-Encoding"
    for accepted, coding in [("gzip", "gzip"), ("gzip, deflate, br", "br"), ("*", "br"),
                             ("br;q=0.5, gzip;q=0.8", "gzip"), ("br;q=0, gzip", "gzip"),
                             ("br;q=0,*;q=0.1", "gzip"), ("identity", None), ("deflate", None),
                             ("gzip;q=0", None), ("*;q=0", None), ("", None),
                             ("GZIP;Q=1.0", "gzip")]:
        answer = get(server, name, Accept_Encoding=accepted)
        assert answer.header("Content-Encoding") == coding, accepted
        assert answer.header("Content-Type") == "text/javascript; charset=utf-8"
        assert answer.header("Vary") == "Accept-Encoding"
        if coding:
            assert answer.header("ETag") != plain.header("ETag")
            suffix = {"br": ".br", "gzip": ".gz"}[coding]
            assert answer.body == (server.root / (name[8:] + suffix)).read_bytes()
            again = get(server, name, Accept_Encoding=accepted,
                        If_None_Match=answer.header("ETag"))
            assert again.status == 304 and again.header("Vary") == "Accept-Encoding"
    assert get(server, "/static/stale.css", Accept_Encoding="gzip").body == b"new" * 100
    assert get(server, name + ".gz").header("Content-Type") == "application/gzip"


def test_a_name_with_a_hash_is_for_ever_and_a_time_to_come_is_not_told(server):
    assert get(server, "/static/app.55e7cbb9ba48.js").header("Cache-Control") == (
        "public, max-age=31536000, immutable")
    told = email.utils.parsedate_to_datetime(
        get(server, "/static/to%20come.txt").header("Last-Modified")).timestamp()
    assert told <= time.time()


TRAVERSALS = [
    "/static/../secret.txt", "/static/%2e%2e/secret.txt", "/static/..%2fsecret.txt",
    "/static/%2e%2e%2fsecret.txt", "/static/.%2e/secret.txt", "/static/..\\secret.txt",
    "/static/..%5csecret.txt", "/static/%252e%252e/secret.txt", "/static/..%252fsecret.txt",
    "/static/..%c0%afsecret.txt", "/static/%c0%ae%c0%ae/secret.txt", "/static/deep/../../secret.txt",
    "/static/deep/..%2f..%2fsecret.txt", "/static//etc/passwd", "/static/%2fetc/passwd",
    "/static///secret.txt", "/static/a.txt/", "/static/a.txt/.", "/static/deep/..",
    "/static/a.txt%00.png", "/static/%00", "/static/out", "/static/out-absolute",
    "/static/up/secret.txt", "/static/proc", "/static/loop",
    "/static/.hidden", "/static/.git/config", "/static/%2ehidden", "/static/hidden",
    "/static/hidden-absolute", "/static/hidden-deep/config", "/%73tatic/.hidden",
    "/static/x/../../secret.txt", "/static/..%2f..%2fx",
    "/static/deep", "/static/deep/",
    "/static/", "/static/fifo", "/static/..", "/static/...", "/static/..;/secret.txt",
    "/static/a.txt/../../secret.txt", "/static/" + "a/" * 1500 + "x", "/static/" + "b" * 3000,
    "/static/%2e%2e%2f" * 20 + "etc/passwd", "/static/deeper/../../secret.txt",
]


@pytest.mark.parametrize("target", TRAVERSALS)
def test_nothing_is_served_but_plain_files_inside(server, target):
    answer = get(server, target)
    assert answer.status == 404 and b"secret" not in answer.body and b"root:" not in answer.body


@pytest.mark.parametrize("target", [
    "/static/./a.txt", "/static//a.txt", "/static/deep/../a.txt", "/static/deep/%2e%2e/a.txt",
    "/static/deep%2f..%2fa.txt", "/static/%61.txt", "/%73tatic/a.txt", "//static/a.txt",
    "/./static/a.txt", "/x/../static/a.txt", "/x%2f..%2fstatic%2fa.txt", "/media/../static/a.txt",
    "/static/../static/a.txt"])
def test_ways_round_lead_to_the_same_file(server, target):
    assert get(server, target).body == b"0123456789"


def test_links_that_stay_inside_lead_to_their_file(server):
    assert get(server, "/static/in").body == b"<p>deep</p>"
    assert get(server, "/static/in-absolute").body == b"0123456789"
    assert get(server, "/static/up/root/a.txt").body == b"0123456789"  # where it ends counts
    assert get(server, "/static/deep/page.html", Accept_Encoding="gzip").body == b"<p>deep</p>"


def test_the_longest_prefix_wins_and_what_is_beside_it_is_the_applications(server):
    assert get(server, "/static/deeper/x.txt").body == b"secret"  # a directory of its own
    assert get(server, "/media/x.txt").status == 200
    assert get(server, "/static/%64eeper/x.txt").body == b"secret"
    for target in ("/static", "/statics/a.txt", "/%2573tatic/a.txt", "/x/..%2fstatic"):
        assert b"REQUEST_METHOD" in get(server, target).body, target


def test_a_slow_client_gets_all_of_a_large_file_while_others_are_served(server):
    data = (server.root / "large.bin").read_bytes()
    with server.connect(receive_buffer=4096) as slow:
        slow.send(request("GET", "/static/large.bin"))
        for _ in range(3):
            assert get(server, "/static/a.txt").status == 200
            assert get(server, "/").status == 200
        slow.send(request("GET", "/static/a.txt"))  # in a pipeline behind it
        assert slow.response("GET").body == data
        assert slow.response("GET").body == b"0123456789"


def test_files_are_in_the_access_log_and_counted_apart(tmp_path):
    put(tmp_path / "root" / "a.txt", b"0123456789")
    with Server(config={"workers": 1, "static": {"/static": str(tmp_path / "root")},
                        "access_log": str(tmp_path / "log")}) as server:
        assert get(server, "/static/a.txt").status == 200
        assert get(server, "/static/nothing").status == 404
        assert get(server, "/").status == 200
        totals = server.status()["slots"][0]["totals"]
        assert (totals["static_files"], totals["requests"]) == (2, 1)
    lines = (tmp_path / "log").read_text().splitlines()
    assert '"GET /static/a.txt HTTP/1.1" 200 10' in lines[0]
    assert '"GET /static/nothing HTTP/1.1" 404' in lines[1]


@pytest.mark.parametrize("how", ["made anew", "swapped"])
def test_a_directory_that_is_replaced_is_found_again(tmp_path, how):
    root = tmp_path / "dist"
    put(root / "old.css", b"old")
    with Server(config={"workers": 1, "static": {"/static": str(root)}}) as server:
        assert get(server, "/static/new.css").status == 404
        if how == "made anew":
            shutil.rmtree(root)
        else:
            root.rename(tmp_path / "before")
        put(root / "new.css", b"new")
        assert get(server, "/static/new.css").body == b"new"
        assert get(server, "/static/old.css").status == 404


def test_a_file_that_shrinks_while_it_is_sent_breaks_the_connection(tmp_path):
    put(tmp_path / "root" / "x.bin", b"x" * (8 << 20))
    with Server(config={"static": {"/s": str(tmp_path / "root")}},
                expect=["cut short"]) as server:
        with server.connect(receive_buffer=4096) as slow:
            slow.send(request("GET", "/s/x.bin"))
            slow.socket.recv(1000)
            os.truncate(tmp_path / "root" / "x.bin", 100)
            while slow.socket.recv(1 << 16):
                pass
        server.await_log("cut short")


@pytest.mark.parametrize("value,why", [
    (["static"], "is not /path=directory"), (["static=/tmp"], "must begin with a plain path"),
    (["/=/tmp"], "would hide the whole application"), (["/a=/no/where"], "No such file"),
    (["/a=/tmp", "/a/=/tmp"], "a second directory"), ({"/a%20b": "/tmp"}, "plain path")])
def test_what_cannot_be_served_is_told_before_the_start(value, why):
    server = Server(config={"static": value}, expect=["."])
    try:
        server.spawn()
        assert server.await_exit() == 1
        assert any(why in line for line in server.log.lines)
    finally:
        server.close()
