# SPDX-License-Identifier: Apache-2.0
"""Where large bodies and log lines go when disks are read-only, full or not there."""

import os
import re
import resource
import signal
import subprocess

import pytest
from support import paths
from support.client import request
from support.jailed import Jailed
from support.server import Server

BIG = b"x" * 2_000_000
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


def read_only(directory, scratch):
    """Commands after which nothing can be written there, but into the scratch directory.
    What is there can still be read: the server that is tried may be."""
    commands = [f"mount --bind {directory} {directory}",
                f"mount -o remount,bind,ro {directory}"]
    if not scratch.startswith(directory + "/"):
        return commands
    return [f"mount --bind {scratch} /mnt", *commands, f"mount --move /mnt {scratch}"]


def post(server, body=BIG):
    with server.connect() as connection:
        connection.send(request("POST", "/", body=body))
        return connection.response().status


def test_a_large_body_goes_where_a_file_can_be_made():
    server = Jailed([], config={"spool_directory": None})
    server.commands = read_only("/var/tmp", server.scratch)
    with server:
        line = server.await_log("large bodies are spooled in /tmp,")
        assert "[WARNING]" in line and "/var/tmp: Read-only file system" in line
        assert post(server) == 200


def test_without_any_disk_a_large_body_goes_to_memory():
    server = Jailed([], config={"spool_directory": None, "spool_limit": "3M"},
                    expect=["spool_limit is used up"])
    server.commands = (read_only("/var/tmp", server.scratch)
                       + read_only("/tmp", server.scratch))
    with server:
        server.await_log("large bodies are spooled in memory, at most 3M of all workers")
        assert post(server) == 200
        assert post(server, BIG + BIG) == 507


def test_a_spool_directory_that_cannot_be_used_is_told():
    server = Server(expect=["spool_directory"], config={"spool_directory": "/proc/1"})
    server.environment["TMPDIR"] = server.scratch
    with server:
        line = server.await_log(f"large bodies are spooled in {server.scratch},")
        assert "[ERROR]" in line and "spool_directory: open a spool file in /proc/1" in line
        assert post(server) == 200
        done = subprocess.run([paths.MONODON, "check", "-c", server.path("monodon.yaml"),
                               "--no-app", "probe"], env=server.environment, text=True,
                              capture_output=True, timeout=30, check=False)
        assert done.returncode == 1
        assert "spool_directory: open a spool file in /proc/1" in done.stderr


def test_the_spool_of_all_workers_together_is_bounded():
    with Server(expect=["spool_limit"], config={"workers": 2, "spool_limit": "3M",
                                                "body_memory": 65536}) as server:
        holder = server.connect()
        holder.send(request("POST", "/", body=BIG)[:-1])
        server.wait(lambda: held(server) >= len(BIG) * 0.9, "the body in the spool")
        assert post(server) == 507
        server.await_log("spool_limit is used up by all workers together")
        # The other one may still have what it refused.
        worker = max(server.workers(), key=lambda pid: spooled(server, pid))
        os.kill(worker, signal.SIGKILL)
        assert holder.closed()
        server.expect.append(f"worker . .*{worker}|SIGKILL")
        server.wait(lambda: len(server.serving()) == 2 and worker not in server.serving(),
                    "the next worker")
        assert post(server) == 200


def spooled(server, pid):
    """Bytes in files without a name that the process has open in the scratch directory."""
    total = 0
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            name = os.readlink(f"/proc/{pid}/fd/{fd}")
            if name.startswith(server.scratch) and name.endswith("(deleted)"):
                total += os.stat(f"/proc/{pid}/fd/{fd}").st_size
        except OSError:
            pass  # closed meanwhile
    return total


def held(server):
    return sum(spooled(server, pid) for pid in server.workers())


@pytest.fixture(name="disk")
def fixture_disk(tmp_path):
    """A full disk of 128 KiB, and the file to remove for room."""
    tmp_path.chmod(0o755)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", tmp_path], check=True)
    yield tmp_path
    subprocess.run(["umount", "-l", tmp_path], check=True)


def fill(disk):
    with open(disk / "filler", "wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            pass


def test_lines_of_the_access_log_that_are_lost_are_told(disk):
    log = disk / "access.log"
    with Server(expect=["lines of the access log are lost"],
                config={"workers": 1, "access_log": str(log)}) as server:
        server.get("/first")
        server.wait(lambda: "/first" in log.read_text(), "the first line")
        fill(disk)
        line = ""
        while not line:  # what is left of a page of the file takes some
            server.get("/lost")
            line = next((line for line in server.log.lines if "are lost" in line), "")
        assert str(log) in line and "No space left on device" in line
        (disk / "filler").unlink()
        server.get("/again")
        told = server.await_log("the access log is written again")
        server.wait(lambda: "/again" in log.read_text(), "the log")
        missing = re.search(r"# (\d+) lines? ", log.read_text())[1]
        assert f"missing_lines={missing}" in told


def test_while_the_error_log_cannot_be_written_errors_are_on_stderr(disk):
    with Server(expect=["."], config={"workers": 1,
                                      "error_log": str(disk / "error.log")}) as server:
        fill(disk)
        line = ""
        while not line:
            server.get("/fail")
            line = next((line for line in server.log.lines if "cannot be written" in line), "")
        assert f"the error log {disk}/error.log" in line
        assert "No space left on device" in line
        server.await_log("a mistake in a view")
        (disk / "filler").unlink()
        server.get("/fail")
        server.wait(lambda: "missing here" in (disk / "error.log").read_text(), "the log")


def test_a_limit_on_the_size_of_files_kills_nobody():
    limit = 1 << 20
    with Server(expect=["cannot be spooled"], config={"workers": 1}) as server:
        worker = server.await_workers(1)
        _, hard = resource.prlimit(worker[0], resource.RLIMIT_FSIZE)
        resource.prlimit(worker[0], resource.RLIMIT_FSIZE, (limit, hard))
        assert post(server) == 503
        assert post(server, BIG[:limit // 2]) == 200
        assert server.serving() == worker
    server = Server(limits={"RLIMIT_FSIZE": 4096}, config={"workers": 1})
    try:
        server.spawn()
        assert server.await_exit() == 1
        assert "File too large" in server.log.text()
    finally:
        server.close()
