# SPDX-License-Identifier: Apache-2.0
"""A real checkout of a branch that changes 5,000 files, under `reload`."""

import os
import pathlib
import subprocess

from support import proc
from support.server import PATIENCE, Server

APP = """
import package.m0, package.m4999
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d %d" % (package.m0.x, package.m4999.x)]
"""
FILES = 5000


def git(server, *words):
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.org",
                    "-c", "commit.gpgsign=false", *words], cwd=server.scratch, check=True,
                   capture_output=True, timeout=120 * PATIENCE)


def write_all(server, number):
    for n in range(FILES):
        pathlib.Path(server.path(f"package/m{n}.py")).write_text(f"x = {number}\n")


def test_a_checkout_of_5000_files_ends_with_the_last_of_them():
    server = Server("site_code:application", expect=["."], config={
        "workers": 1, "reload": True, "observe": None, "fallback": None})
    server.write("site_code.py", APP)
    os.mkdir(server.path("package"))
    git(server, "init", "-q", "-b", "one")
    write_all(server, 1)
    git(server, "add", "package", "site_code.py")
    git(server, "commit", "-q", "-m", "one")
    git(server, "checkout", "-q", "-b", "two")
    write_all(server, 2)
    git(server, "commit", "-q", "-a", "-m", "two")
    git(server, "checkout", "-q", "one")
    with server:
        (watcher,) = server.wait(lambda: [pid for pid in proc.children(server.pid)
                                          if proc.comm(pid) == "monodon-watcher"], "the watcher")
        assert server.get("/").body == b"1 1"
        for branch, answer in (("two", b"2 2"), ("one", b"1 1"), ("two", b"2 2")):
            git(server, "checkout", "-q", branch)
            server.wait(lambda: server.get("/").body == answer, f"branch {branch}", 60)
        assert proc.cpu_seconds(watcher) < 3 * PATIENCE
