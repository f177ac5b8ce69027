# SPDX-License-Identifier: Apache-2.0
"""Threads that hang outside of the application: on a disk that does not answer."""

import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from support import proc
from support.client import request
from support.server import Server

TOOLS = ("mkfs.ext4", "fsfreeze", "losetup", "mount")
pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="freezing a file system needs root"),
    pytest.mark.skipif(not all(shutil.which(tool, path="/usr/sbin:/usr/bin:/sbin:/bin")
                               for tool in TOOLS), reason="needs " + ", ".join(TOOLS)),
]


class Disk:
    """A file system of its own, which can be frozen: who writes then waits in state D."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="monodon-disk."))
        image = self.folder / "image"
        with open(image, "wb") as file:
            file.truncate(32 << 20)
        self._run("mkfs.ext4", "-q", image)
        self.path = self.folder / "mounted"
        self.path.mkdir()
        mounted = subprocess.run(["mount", "-o", "loop", image, self.path],
                                 capture_output=True, text=True)
        if mounted.returncode != 0:
            shutil.rmtree(self.folder)
            pytest.skip(f"no loop device: {mounted.stderr.strip()}")
        self.path.chmod(0o1777)
        self.frozen = False

    @staticmethod
    def _run(*command):
        subprocess.run([str(word) for word in command], check=True, capture_output=True)

    def freeze(self):
        self._run("fsfreeze", "-f", self.path)
        self.frozen = True

    def thaw(self):
        if self.frozen:
            self._run("fsfreeze", "-u", self.path)
        self.frozen = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.thaw()
        subprocess.run(["umount", "-l", str(self.path)], check=False)
        shutil.rmtree(self.folder)


def test_workers_that_hang_on_a_disk_are_seen_told_and_replaced():
    """Both workers hang in writing a body, where no deadline of a request runs."""
    config = {"workers": 2, "access_log": "off", "body_memory": 65536}
    with Disk() as disk, Server(
            config={**config, "spool_directory": str(disk.path)},
            expect=["hangs outside of the application", "will be replaced", "ran out of time",
                    "does not die of SIGKILL", "was killed by the master"]) as server:
        old = server.await_workers(2)
        assert server.get("/").status == 200
        disk.freeze()
        body = b"x" * 100_000
        with server.connect() as first, server.connect() as second:
            for connection in (first, second):
                connection.send(request("POST", "/", body=body))
            server.wait(lambda: {proc.state(pid) for pid in old} == {"D"},
                        "both workers waiting for the disk")
            for worker in (0, 1):
                server.await_log(rf"worker {worker} .*will be replaced: thread 0 hangs outside "
                                 r"of the application: it waits in \w+ \(state D\)", timeout=15)
            # Who needs no disk is served while those two cannot even die.
            new = server.wait(lambda: set(server.serving()) - set(old), "a new worker", 30)
            assert server.get("/").status == 200
            assert {proc.state(pid) for pid in old} == {"D"}
            disk.thaw()
        server.wait(lambda: not set(old) & set(proc.children(server.pid)),
                    "the end of the old workers")
        assert new <= set(server.await_workers(2, without=old))
        assert server.get("/").status == 200
