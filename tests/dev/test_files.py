# SPDX-License-Identifier: Apache-2.0
"""Static files beside nginx, on the same directory: what both have to say the same way, and
what it costs."""

import os
import pathlib
import shutil

import pytest
from support import proc
from support.client import request
from support.server import Server
from support.static_nginx import FilesOfNginx

pytestmark = pytest.mark.skipif(not shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin"),
                                reason="Debian's nginx is not there")
OLD = 1_700_000_000
SAME = ("Content-Length", "Content-Range", "Last-Modified", "Accept-Ranges", "Content-Encoding")
REQUESTS = 3000
ROUNDS = 4


@pytest.fixture(name="both")
def _both(tmp_path):
    root = tmp_path / "root"
    (root / "deep").mkdir(parents=True)
    for name, size in (("a.txt", 10), ("deep/b.css", 100), ("ten.txt", 10_000),
                       ("large.js", 300_000), ("empty.txt", 0)):
        (root / name).write_bytes((b"0123456789" * (size // 10 + 1))[:size])
        os.utime(root / name, (OLD, OLD))
    shutil.copy(root / "a.txt", root / "a.txt.gz")
    os.utime(root / "a.txt.gz", (OLD, OLD))
    with Server("native:hello", config={"workers": 1, "static": {"/static": str(root)},
                                        "access_log": ""}) as server, \
            FilesOfNginx(tmp_path / "nginx", root) as nginx:
        yield server, nginx


def ask(server, address, method, target, fields):
    with server.connect(address) as connection:
        connection.send(request(method, target, **fields))
        return connection.response(method)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("fields", [
    {}, {"Range": "bytes=2-4"}, {"Range": "bytes=-3"}, {"Range": "bytes=5-"},
    {"Range": "bytes=50-60"}, {"If_Modified_Since": "Tue, 14 Nov 2023 22:13:20 GMT"},
    {"If_Modified_Since": "Mon, 13 Nov 2023 22:13:20 GMT"},
    {"If_Unmodified_Since": "Mon, 13 Nov 2023 22:13:20 GMT"}, {"If_None_Match": "*"},
    {"If_Match": '"x"'}, {"Range": "bytes=0-1", "If_Range": '"x"'},
    {"Accept_Encoding": "gzip"}, {"Accept_Encoding": "gzip;q=0"}])
@pytest.mark.parametrize("name", ["a.txt", "deep/b.css", "large.js", "empty.txt", "none"])
def test_both_say_the_same(both, method, fields, name):
    if method == "HEAD" and "Range" in fields:
        pytest.skip("nginx heeds Range with HEAD; RFC 9110 14.2 defines it for GET only")
    server, nginx = both
    ours = ask(server, None, method, f"/static/{name}", fields)
    theirs = ask(server, nginx.address, method, f"/static/{name}", fields)
    assert ours.status == theirs.status
    if ours.status >= 400 and ours.status != 416:
        return
    if ours.status != 416:
        assert ours.body == theirs.body
        for field in SAME:
            if ours.status == 304:
                continue
            if field == "Accept-Ranges" and theirs.header(field) is None:
                continue  # nginx says it with the whole of a plain file only
            assert ours.header(field) == theirs.header(field), field
    assert ours.header("Content-Range") == theirs.header("Content-Range")


@pytest.mark.parametrize("path", [
    "./a.txt", "/a.txt", "deep/../a.txt", "deep/%2e%2e/a.txt", "deep%2fb.css", "deep/./b.css",
    "deep//b.css", "a.txt/", "a.txt/.", "a.txt%00", "deep", "deep/..", "none/../a.txt", "..%2f..",
    "deep/..%2f..%2f..", "%252e%252e/a.txt", "..\\a.txt", "%c0%ae%c0%ae/a.txt", "a.txt%20",
    "A.TXT", "a.txt;x", "a.txt%3fx",
    "../%73tatic/a.txt", "..//static/a.txt", "../x/..%2fstatic/a.txt", "../%2e/static//a.txt",
    "../static%2fa.txt", "../%2573tatic/a.txt", "../../static/a.txt", "....//a.txt", "%2e/a.txt",
    "b" * 2000, "%", "%zz"])
def test_both_find_the_same_file_or_none(both, path):
    server, nginx = both
    ours = ask(server, None, "GET", f"/static/{path}", {})
    theirs = ask(server, nginx.address, "GET", f"/static/{path}", {})
    assert (ours.status == 200) == (theirs.status == 200), (ours.status, theirs.status)
    if ours.status == 200:
        assert ours.body == theirs.body


def tasks_ns(pid):
    return sum(int(pathlib.Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
               for task in os.listdir(f"/proc/{pid}/task"))


def test_a_file_of_ten_kilobytes_costs_at_most_a_third_more_than_nginx(both):
    server, nginx = both
    (worker,) = server.workers()
    theirs = next(pid for pid in proc.children(nginx.process.pid))
    asked = request("GET", "/static/ten.txt", accept_encoding="identity")
    spent = {}
    for _ in range(ROUNDS):
        for name, address, pid in (("ours", None, worker), ("nginx", nginx.address, theirs)):
            with server.connect(address) as connection:
                for warm in range(REQUESTS + 100):
                    if warm == 100:
                        before = tasks_ns(pid)
                    connection.send(asked)
                    assert connection.response().status == 200
                spent.setdefault(name, []).append((tasks_ns(pid) - before) / REQUESTS / 1000)
    ours, nginxs = min(spent["ours"]), min(spent["nginx"])
    print(f"CPU for a file of 10 KB: {ours:.1f} us, nginx {nginxs:.1f} us, {ours / nginxs:.2f}")
    assert ours <= 1.3 * nginxs, spent
