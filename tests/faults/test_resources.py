# SPDX-License-Identifier: Apache-2.0
"""Too few descriptors, processes, disk; too much of everything else."""

import os
import resource
import signal
import stat
import subprocess

import pytest
from support import paths, proc
from support.client import request
from support.server import Server, scratch_directory

ROOT = os.geteuid() == 0
NOBODY = (65534, 65534)
# A clone below /root, say, is closed to that user.
OPEN = all(parent.stat().st_mode & stat.S_IXOTH for parent in paths.MONODON.parents)


def test_no_descriptors_left_pauses_accepting_and_recovers():
    limit = 128
    with Server(config={"workers": 1, "keepalive": 60}, expect=["."],
                limits={"RLIMIT_NOFILE": limit}) as server:
        worker, = server.await_workers(1)
        with server.connect() as first:
            assert first.get().status == 200
            crowd = []
            for _ in range(limit * 2):
                crowd.append(server.connect())
                crowd[-1].send(request(target="/pid"))
            answered = 0
            server.await_log("accepting pauses")
            # The application opens files of its own all the same.
            assert first.get("/descriptors").status == 200
            assert max(proc.descriptors(worker)) < limit - 16
            # Connections that are open are served; nothing spins meanwhile.
            assert first.get().status == 200
            before = proc.cpu_seconds(worker)
            assert not first.readable(1.0)
            assert proc.cpu_seconds(worker) - before < 0.2
            # As some go, others come in; nobody was refused.
            for connection in crowd:
                assert connection.response().status == 200
                connection.close()
                answered += 1
            assert answered == limit * 2
        assert server.serving() == [worker]


def test_a_master_without_descriptors_does_not_spin_and_answers_later():
    with Server(expect=["."]) as server:
        server.await_workers(2)
        server.descriptors_at_rest()
        taken = proc.descriptors(server.pid)
        least = next(number for number in range(1024) if number not in taken)
        _, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (least, hard))
        with server.connect(server.path("control.sock")) as asking:
            asking.send(b'{"op":"status"}\n')
            before = proc.cpu_seconds(server.pid)
            assert not asking.readable(1.0)
            assert proc.cpu_seconds(server.pid) - before < 0.1
            assert server.get().status == 200
            resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (1024, hard))
            assert asking.readable(5.0) and asking._more()


def limit_processes(pid, count):
    """As the user of that process, who may lower and raise its soft limit."""
    subprocess.run(["/usr/bin/prlimit", f"--pid={pid}", f"--nproc={count}:"], check=True,
                   user=NOBODY[0], group=NOBODY[1], extra_groups=[])


@pytest.mark.skipif(not ROOT, reason="becoming another user needs root")
@pytest.mark.skipif(not OPEN, reason="the build is in a directory of root's alone")
def test_fork_refused_backs_off_and_recovers():
    # A limit on processes does not bind root, hence another user.
    with Server(user=NOBODY, expect=["."]) as server:
        first = server.await_workers(2)
        zygote, = server.zygotes()
        limit_processes(zygote, 0)
        os.kill(first[0], signal.SIGKILL)
        server.await_log("(?i)fork.*(Resource temporarily unavailable|EAGAIN)")
        assert server.get().status == 200
        assert server.serving() == [first[1]]
        limit_processes(zygote, 4096)
        assert first[1] in server.await_workers(2, timeout=20)


@pytest.mark.skipif(not ROOT, reason="mounting needs root")
def test_a_full_disk_refuses_the_body_that_does_not_fit():
    directory = scratch_directory()
    small = os.path.join(directory, "small")
    os.mkdir(small)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], check=True)
    try:
        with Server(directory=directory, expect=["."], config={
                "workers": 1, "spool_directory": small, "body_memory": 65536}) as server:
            worker = server.await_workers(1)
            with server.connect() as connection:
                connection.send(request("POST", "/?id=big", body=b"x" * 4_000_000))
                answer = connection.response()
                assert answer.status == 507 and answer.closes
            server.await_log("No space left on device")
            assert "big" not in server.ledger.ids("start")
            body = b"x" * 60_000
            assert server.connect().ask(request("POST", body=body)).status == 200
            # The room is free again: a body that fits, fits.
            assert server.connect().ask(request("POST", body=b"x" * 800_000)).status == 200
            assert server.serving() == worker
    finally:
        subprocess.run(["umount", "-l", small], check=True)
        subprocess.run(["rm", "-rf", directory], check=True)


def test_a_body_of_100_megabytes_takes_no_memory():
    with Server(config={"workers": 1, "body_memory": 262144}) as server:
        worker, = server.await_workers(1)
        server.get()
        before = proc.peak_memory(worker)
        with server.connect(timeout=60) as connection:
            size = 100_000_000
            connection.send(b"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
                            % size)
            block = b"x" * 1_000_000
            for _ in range(size // len(block)):
                assert connection.send(block)
            assert connection.response().body == b"not read"
            assert connection.get().status == 200
        assert proc.peak_memory(worker) - before < 4_000_000
        assert not [f for f in proc.descriptors(worker).values() if "(deleted)" in f
                    and server.scratch in f]


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_pipe_that_nobody_reads_then_closed_never_stalls_a_request(stream):
    read, write = os.pipe()
    try:
        with Server(config={"access_log": "-", "threads": 2}, expect=["."],
                    **{stream: write}) as server:
            with server.connect() as connection:
                for number in range(60):
                    assert connection.get("/talk?size=10000").body == b"said", number
            os.close(read)
            read = -1
            with server.connect() as connection:
                for number in range(20):
                    assert connection.get("/talk?size=10000").body == b"said", number
            server.send_signal(signal.SIGUSR1)
            assert server.get().status == 200
            assert len(server.await_workers(2)) == 2
    finally:
        for fd in (read, write):
            if fd >= 0:
                os.close(fd)


def test_what_was_dropped_from_a_log_is_told_when_somebody_reads_again():
    read, write = os.pipe()
    try:
        with Server(config={"access_log": "-", "workers": 1}, expect=["."],
                    stdout=write) as server:
            with server.connect() as connection:
                for _ in range(40):
                    connection.get("/talk?size=10000")
                os.set_blocking(read, False)

                def told():
                    connection.get("/talk?size=1")
                    try:
                        text.append(os.read(read, 1 << 20))
                    except BlockingIOError:
                        pass
                    return b"dropped" in b"".join(text)
                text = []
                server.wait(told, "how many lines were dropped")
    finally:
        os.close(read)
        os.close(write)
