# SPDX-License-Identifier: Apache-2.0
"""An application that does not crash its worker but uses it: what it can say and do over
the descriptors that it has is refused, or costs nobody but itself. Signals are not tried:
whoever runs as the same user can always kill.
"""

import contextlib
import ctypes
import errno
import os
import select
import signal
import socket
import subprocess
import time

import pytest
from apps.hostile import LIBC, bomb, disarm, send, stopped
from support import paths, proc
from support.client import request
from support.scrape import ask, await_exporter, exporter_of, watched
from support.server import Server
from support.until import PATIENCE


def hostile(*, expect=(), **options):
    return Server("hostile:application", expect=["handoff", *expect], **options)


def run(server, code):
    """What the code left in `answer`; some worker ran it."""
    with server.connect() as connection:
        connection.send(request("POST", body=code.encode()))
        answer = connection.response()
        assert answer.status == 200, answer
        return answer.body.decode()


SHUT_DOWN = """
for number in packets()[:2]:
    socket.socket(fileno=os.dup(number)).shutdown(socket.SHUT_RDWR)
"""
PAIR_IS_WHOLE = """
import select
poll = select.poll()
for number in packets()[:2]:
    poll.register(number, select.POLLRDHUP)
answer = not poll.poll(0)
"""


def test_a_handoff_pair_that_was_shut_down_is_replaced_for_workers_to_come():
    with hostile(config={"workers": 1}, store=512,
                 expect=["a worker shut down the sockets"]) as server:
        old = server.await_workers(1)
        run(server, SHUT_DOWN)
        server.await_log("a worker shut down the sockets")
        server.await_log("cannot hand connections over any more")
        # Nobody spins over the end of file, which is told as a level.
        used, began = proc.cpu_seconds(old[0]), time.monotonic()
        time.sleep(0.5)
        assert proc.cpu_seconds(old[0]) - used < 0.3 * (time.monotonic() - began)
        assert run(server, PAIR_IS_WHOLE) == "False"
        # From the same zygote, then from a new one, then from the store.
        os.kill(old[0], 15)
        new = server.await_workers(1, without=old)
        assert run(server, PAIR_IS_WHOLE) == "True"
        seen = len(server.log.lines)
        run(server, SHUT_DOWN)
        server.await_log("a worker shut down the sockets", after=seen)
        server.send_signal(1)
        server.await_workers(1, without=new)
        assert run(server, PAIR_IS_WHOLE) == "True"
        server.restart()
        assert run(server, PAIR_IS_WHOLE) == "True"


SHUT_LISTENERS_DOWN = """
for number in listeners():
    socket.socket(fileno=os.dup(number)).shutdown(socket.SHUT_RD)
"""


def test_listeners_that_were_shut_down_are_told_and_a_port_listens_again():
    with socket.create_server(("127.0.0.1", 0)) as free:
        where = free.getsockname()
    with hostile(config={"workers": 2}, sockets={"own": "own.sock", "port": where},
                 expect=["a process of this site shut down"]) as server:
        server.address = where
        workers = server.await_workers(2)
        run(server, SHUT_LISTENERS_DOWN)
        server.await_log(rf"shut down unix:{server.path('own.sock')}, .*until the server")
        server.await_log(f"shut down 127.0.0.1:{where[1]}, .*it listens again")
        # Nobody spins over what is told as a level.
        used, began = sum(map(proc.cpu_seconds, workers)), time.monotonic()
        time.sleep(0.5)
        assert sum(map(proc.cpu_seconds, workers)) - used < 0.3 * (time.monotonic() - began)
        assert server.get().status == 200
        assert server.workers() == workers


def test_an_empty_packet_is_not_taken_for_the_end_of_a_handoff_pair():
    with hostile(config={"workers": 1}) as server:
        server.await_workers(1)
        run(server, "send(packets()[0], b'')")
        assert run(server, PAIR_IS_WHOLE) == "True"
        run(server, "send(packets()[2], b'')")  # nor of a worker's channel
        assert run(server, "") == run(server, "")
        assert not [line for line in server.log.lines if "hand connections" in line]


ANSWER_FOR_THE_ZYGOTE = """
import os, time
from hostile import FRAME, application

def exporter():
    while True:
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat") as stat, open(f"/proc/{pid}/comm") as comm:
                    parent = int(stat.read().rsplit(")", 1)[1].split()[1])
                    if parent == os.getppid() and comm.read().startswith("monodon-exp"):
                        return int(pid)
            except OSError:
                pass
        time.sleep(0.01)

FORKED = FRAME.pack(12, 0, 1, 1, exporter())
os.register_at_fork(before=lambda: os.write(3, FORKED))
"""


def test_a_zygote_cannot_name_a_process_that_is_not_its_worker():
    server = watched("lying:application", config={"workers": 1, "boot_timeout": 2},
                     expect=["named pid .*which cannot be", "cannot tell that it is ready"])
    server.write("lying.py", ANSWER_FOR_THE_ZYGOTE)
    with server:
        await_exporter(server)
        exporter = exporter_of(server)
        server.await_log("named pid .*which cannot be")
        assert exporter not in server.await_workers(1)
        assert exporter_of(server) == exporter


def test_a_worker_cannot_take_the_channel_of_its_zygote():
    with hostile(config={"workers": 1}, user=(4321, 4321)) as server:
        server.await_workers(1)
        zygote, = server.zygotes()
        # pidfd_getfd(2); and what Linux thinks of this process itself (PR_GET_DUMPABLE).
        assert run(server, f"""
fd = LIBC.syscall(438, os.pidfd_open({zygote}), 3, 0)
answer = fd, ctypes.get_errno(), LIBC.prctl(3, 0, 0, 0, 0)
""") == "(-1, 1, 1)"


# Linux 6.16 refuses descriptors for us; before, they are taken and closed elsewhere.
KERNELS = pytest.mark.parametrize("old_kernel", [False, True], ids=["new", "old"])
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = (b"POST / HTTP/1.0\r\nContent-Length: 31\r\n\r\n"
        b"import time\ntime.sleep(0.2)\n###")
NONSENSE = b"nonsense\r\n\r\n"


@pytest.fixture(autouse=True)
def disarmed():
    yield
    disarm()


def read_to_the_end(connection):
    with contextlib.suppress(ConnectionResetError):
        while connection.recv(4096):
            pass


@KERNELS
def test_a_client_that_sends_descriptors_holds_up_nobody(old_kernel):
    expected = 0 if old_kernel else errno.EPERM
    with hostile(config={"workers": 1}, old_kernel=old_kernel) as server:
        worker = server.await_workers(1)
        for first, second, flags in [
                (GET, GET, 0),                          # the next request has it
                (GET, b"G", socket.MSG_OOB),            # out of band
                (b"GET / HT", b"TP/1.0\r\n\r\n", 0),    # the rest of a head
                (b"POST / HTTP/1.0\r\nContent-Length: 9\r\n\r\n", b"#", 0),
                (LAST, GET, 0),                         # nobody reads that any more
                (NONSENSE, GET, 0)]:
            with server.connect() as client:
                client.send(first)
                if first == GET:
                    assert client.response().status == 200
                with stopped(worker[0]):
                    assert send(client.socket.fileno(), second, [bomb(), bomb()],
                                flags) == expected
                if not expected:
                    read_to_the_end(client.socket)
            assert server.get().status == 200
        assert server.serving() == worker
        if old_kernel:
            server.await_log("sent file descriptors and was cut off")


@KERNELS
def test_descriptors_over_a_channel_do_not_hold_up_the_master(old_kernel):
    with hostile(config={"workers": 2, "restart_pause": 0.1}, old_kernel=old_kernel,
                 expect=["sent file descriptors to the master", "left by itself",
                         "ran out of time"]) as server:
        server.await_workers(2)
        for data in ("b'x'", "b''", "FRAME.pack(22, 0, 1, 1, 0)"):
            before = server.await_workers(2)
            answer = run(server, f"""
with stopped({server.pid}):
    answer = os.getpid(), send(packets()[2], {data}, [bomb()])
""")
            pid, said = eval(answer)
            assert said == (0 if old_kernel else errno.EPERM)
            if old_kernel:  # such a process is let go
                server.await_log(f"process {pid} sent file descriptors to the master")
                assert pid in before
                server.await_workers(2, without=[pid])
        assert server.control({"op": "status"})["workers"] == 2


@KERNELS
def test_descriptors_at_the_control_socket_do_not_hold_up_the_master(old_kernel):
    with hostile(config={"workers": 1}, old_kernel=old_kernel) as server:
        for data in (b'{"op":"status"}\n', b"no line"):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(server.path("control.sock"))
                with stopped(server.pid):
                    assert send(client.fileno(), data, [bomb()]) == (
                        0 if old_kernel else errno.EPERM)
            assert server.control({"op": "status"})["workers"] == 1


@KERNELS
def test_descriptors_at_the_metrics_hold_up_no_scrape(old_kernel):
    with watched("hostile:application", config={"workers": 1},
                 old_kernel=old_kernel) as server:
        await_exporter(server)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(server.path("metrics.sock"))
            with stopped(exporter_of(server)):
                for _ in range(2):  # one is read, one may never be
                    assert send(client.fileno(), GET, [bomb()]) in (
                        (0, errno.EPIPE) if old_kernel else (errno.EPERM,))
        assert ask(server).status == 200
        assert exporter_of(server)


def taken_descriptor(pid, number):
    """The same as that process has, while it is stopped: somebody else plays it."""
    os.kill(pid, signal.SIGSTOP)
    pidfd = os.pidfd_open(pid)
    taken = LIBC.syscall(438, pidfd, number, 0)  # pidfd_getfd(2)
    os.close(pidfd)
    assert taken >= 0, os.strerror(ctypes.get_errno())
    return socket.socket(fileno=taken)


def play_the_worker(channel, reader, old_kernel):
    """Answers the next question for stacks: with more than text."""
    fds = []
    while not fds:
        select.select([channel], [], [], 10 * PATIENCE)
        _, fds, _, _ = socket.recv_fds(channel, 65536, 8)
    with socket.socket(fileno=fds[0]) as stacks, stopped(reader):
        for data in (b"some", b" text"):
            assert send(stacks.fileno(), data, [bomb()]) == (0 if old_kernel else errno.EPERM)
        stacks.send(b"text")


@KERNELS
def test_descriptors_among_stacks_hold_up_no_reader(old_kernel):
    with watched("hostile:application", config={"workers": 1}, expect=["."],
                 old_kernel=old_kernel) as server:
        await_exporter(server)
        worker, = server.await_workers(1)
        with taken_descriptor(worker, int(run(server, "answer = packets()[2]"))) as channel:
            command = [str(paths.MONODON), "trace", "0", "--all", "--control",
                       server.path("control.sock")]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as tracing:
                play_the_worker(channel, tracing.pid, old_kernel)
                tracing.communicate(timeout=20 * PATIENCE)
                assert tracing.returncode == 0
            with server.connect(server.path("metrics.sock")) as client:
                client.send(request(target="/stacks/0"))
                play_the_worker(channel, exporter_of(server), old_kernel)
                assert b"text" in client.response().body
        assert ask(server).status == 200
        os.kill(worker, signal.SIGCONT)


NO_STATUS = b'{"slots":[{"state":"\\u001b[2Jgone"}]}\n'


@pytest.mark.parametrize("command", ["status", "reload", "scale 3", "trace 0", "upgrade"])
def test_who_plays_the_server_holds_up_no_command_and_clears_no_screen(command, tmp_path):
    """Whoever may write in its directory can put another socket in the place of its own."""
    path = str(tmp_path / "control.sock")
    with socket.socket(socket.AF_UNIX) as played:
        played.bind(path)
        played.listen()
        asking = subprocess.Popen([str(paths.MONODON), *command.split(), "--control", path],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        with played.accept()[0] as client:
            with stopped(asking.pid):
                for data in (NO_STATUS, b"never read"):
                    assert send(client.fileno(), data, [bomb(), bomb()]) == 0
        said, _ = asking.communicate(timeout=20 * PATIENCE)
        assert b"\x1b" not in said and b"Traceback" not in said
        # A screen is not cleared, and what makes no sense is not called success.
        assert (b"\\x1b[2Jgone" in said) == (command == "status")
        assert (asking.returncode == 0) == (command == "status")


def test_descriptors_that_nobody_accepted_do_not_hold_up_a_stop():
    server = hostile(config={"workers": 1, "graceful_timeout": 1}, bind=[], old_kernel=True,
                     expect=["."])
    server.address = server.path("own.sock")
    server.config["bind"] = ["unix:" + server.address]
    with server:
        worker, = server.await_workers(1)
        with stopped(worker):
            for path in (server.address, server.path("control.sock")):
                with socket.socket(socket.AF_UNIX) as client, stopped(server.pid):
                    client.connect(path)
                    assert send(client.fileno(), b"G", [bomb()]) == 0
            server.send_signal(signal.SIGTERM)
            assert server.await_exit() == 0


HAND_OVER_BOMBS = """
for number in range(3):
    send(packets()[0], b"malformed", [bomb()] * 100)
    send(packets()[0], b"", [bomb()])
    send(packets()[0], FRAME.pack(40, 0, 0, 0, 0) + bytes(4), [open("/dev/null")])
    # A connection that is one, with a request in it.
    send(packets()[0], FRAME.pack(40, 0, 0, 0, 0) + bytes(4) + b"GET / HTTP/1.0\\r\\n\\r\\n",
         [bomb()])
"""


@KERNELS
def test_descriptors_over_the_handoff_pair_hold_up_no_worker(old_kernel):
    # The answer to the request that came with one of them is never read.
    with hostile(config={"workers": 1, "graceful_timeout": 1}, old_kernel=old_kernel,
                 expect=["did not leave within graceful_timeout"]) as server:
        worker = server.await_workers(1)
        run(server, HAND_OVER_BOMBS)
        for _ in range(3):
            assert server.get().status == 200
        assert server.serving() == worker


PARK_DESCRIPTORS = """
while True:
    pair = socket.socketpair()
    KEPT.extend(pair)
    if send(pair[0].fileno(), b"x", [pair[0]] * 60):
        break
"""


def test_descriptors_in_flight_stop_new_workers_and_the_reason_is_told():
    # The kernel counts them for each user, and not for root.
    with hostile(config={"workers": 2, "restart_pause": 0.1}, user=(4322, 4322),
                 limits={"RLIMIT_NOFILE": 256},
                 expect=["no worker for slot", "SIGKILL", "descriptors"]) as server:
        old = server.await_workers(2)
        pid = int(run(server, "answer = os.getpid()" + PARK_DESCRIPTORS))
        other, = set(old) - {pid}
        os.kill(other, 9)
        server.await_log("no worker for slot .*: the processes of this user have as many "
                         "descriptors")
        with pytest.raises(ValueError, match="passes no descriptors between processes"):
            server.status()
        os.kill(pid, 9)  # its end is the end of it
        assert proc.ended(pid, 10)
        server.await_workers(2, without=old)
        assert server.status()["workers"] == 2
