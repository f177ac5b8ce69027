# SPDX-License-Identifier: Apache-2.0
"""Workers that die, hang or do what workers should not."""

import os
import re
import signal

import pytest
from support import proc
from support.client import Truncated, request
from support.ledger import judge
from support.server import Server


def lost(connection):
    """True when no complete answer comes."""
    try:
        connection.response()
    except Truncated:
        return True
    return False


def test_a_worker_killed_while_idle_is_replaced_and_nothing_is_lost():
    with Server(expect=["."]) as server:
        first = server.await_workers(2)
        before = server.descriptors_at_rest()
        os.kill(first[0], signal.SIGKILL)
        server.await_log(rf"{first[0]}.*SIGKILL")
        second = server.await_workers(2)
        assert first[0] not in second and first[1] in second
        assert server.get().status == 200
        assert server.descriptors_at_rest() == before


def test_a_worker_killed_in_a_request_loses_only_that_request():
    with Server(expect=["."]) as server:
        server.await_workers(2)
        with server.connect() as dying, server.connect() as fine:
            fine.send(request(target="/gate?name=fine&id=fine"))
            other = server.gates.arrived("fine")
            dying.send(request(target="/gate?id=dying&secret=1", x_request_id="req-9"))
            held = server.gates.arrived("gate")
            os.kill(held.pid, signal.SIGKILL)
            assert lost(dying)
            # The obituary says what it ran, and nothing secret.
            line = server.await_log(rf"\b{held.pid}\b.*SIGKILL")
            assert "GET /gate" in line and "req-9" in line and "secret" not in line
            server.await_workers(2, without=[held.pid])
            other.release("fine")
            assert fine.response().body == b"fine"
        assert judge({"dying": None, "fine": 200}, server.ledger) == []


@pytest.mark.parametrize("half", [
    b"GET /?id=half HTTP/1.1\r\nHo",
    b"POST /?id=half HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"])
def test_a_worker_killed_while_it_reads_a_request(half):
    with Server(config={"workers": 1}, expect=["."]) as server:
        old = server.await_workers(1)
        with server.connect() as connection:
            connection.send_pieces([half])
            os.kill(old[0], signal.SIGKILL)
            assert lost(connection)
        server.await_workers(1, without=old)
        assert server.get().status == 200
        assert "half" not in server.ledger.ids("start")


def test_a_worker_killed_while_it_writes_leaves_no_half_answer_that_looks_whole():
    with Server(config={"workers": 1}, expect=["."]) as server:
        old = server.await_workers(1)
        with server.connect(receive_buffer=4096) as connection:
            connection.send(request(target="/big?size=20000000"))
            assert connection.head().status == 200
            os.kill(old[0], signal.SIGKILL)
            connection.rest = b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n" + \
                connection.rest
            assert lost(connection)
        server.await_workers(1, without=old)


def test_a_worker_killed_while_it_boots():
    server = Server("booting:application", config={"workers": 1, "preload": False},
                    expect=["."])
    server.write("booting.py", "import gates\ngates.wait('import')\n"
                               "from probe import application\n")
    try:
        server.spawn()
        held = server.gates.arrived("import")
        os.kill(held.pid, signal.SIGKILL)
        again = server.gates.arrived("import", timeout=20)
        assert again.pid != held.pid and not server.notify.has("READY")
        again.release()
        server.await_ready()
        assert server.get().status == 200
        server.finish()
    finally:
        server.close()


def test_queued_connections_are_served_by_others():
    with Server(config={"workers": 1}, expect=["."]) as server:
        with server.connect() as dying:
            dying.send(request(target="/gate"))
            held = server.gates.arrived("gate")
            waiting = [server.connect() for _ in range(20)]
            for number, connection in enumerate(waiting):
                connection.send(request(target=f"/?id=w{number}"))
            os.kill(held.pid, signal.SIGKILL)
            assert lost(dying)
            for connection in waiting:
                assert connection.response().status == 200
                connection.close()
        assert judge({f"w{i}": 200 for i in range(20)}, server.ledger) == []


def test_a_stopped_worker_is_replaced():
    with Server(config={"workers": 2, "request_timeout": 1, "graceful_timeout": 1},
                expect=["."]) as server:
        first = server.await_workers(2)
        os.kill(first[0], signal.SIGSTOP)
        server.wait(lambda: proc.state(first[0]) == "T", "the worker to stop")
        for _ in range(5):
            assert server.get().status == 200
        # Seven looks in vain, 2 s apart, then graceful_timeout.
        server.await_log(r"shows no sign of life: it .*\(state T\)", timeout=30)
        server.wait(lambda: proc.ended(first[0], 0), "its end", timeout=30)
        server.await_workers(2, without=[first[0]])
        assert first[1] in server.serving()


@pytest.mark.parametrize("path, how", [
    ("/crash", "SIGSEGV"), ("/abort", "SIGABRT"), ("/_exit?status=3", "3"),
    ("/_exit?status=0", "0")])
def test_a_view_that_ends_its_process(path, how):
    with Server(config={"workers": 2}, expect=["."]) as server:
        server.await_workers(2)
        with server.connect() as connection:
            connection.send(request(target=path, x_request_id="bad-1"))
            assert lost(connection)
        line = server.await_log(rf"{how}\b.*GET {re.escape(path.split('?')[0])}"
                                rf"|GET {re.escape(path.split('?')[0])}.*{how}\b")
        assert "bad-1" in line
        server.await_workers(2)
        assert server.get().status == 200


def test_sys_exit_in_a_view_is_an_error_of_that_request_only():
    with Server(config={"workers": 1}, expect=["."]) as server:
        old = server.await_workers(1)
        with server.connect() as connection:
            for status in range(256):
                answer = connection.get(f"/exit?status={status}")
                assert answer.status == 500
                if answer.closes:
                    break
        for status in (0, 1, 3, 4, 255):
            assert server.get(f"/exit?status={status}").status == 500
        assert server.get("/interrupt").status == 500
        assert server.get("/fail").status == 500
        server.await_log("a mistake in a view")
        assert server.serving() == old


def test_an_application_that_forks_and_starts_threads():
    with Server(config={"workers": 1, "threads": 2}, expect=["."]) as server:
        old = server.await_workers(1)
        assert server.get("/fork").body == b"7"
        child = int(server.get("/keep-child").body)
        held = server.gates.arrived("child")
        assert held.pid == child
        assert server.get("/threads").body == b"started"
        inside = [server.gates.arrived("thread") for _ in range(8)]
        assert server.get().status == 200
        assert server.serving() == old
        for h in [held, *inside]:
            h.release()
        assert proc.ended(child, 5)


def test_nothing_of_the_application_outlives_the_server():
    with Server(config={"workers": 1}) as server:
        child = int(server.get("/keep-child").body)
        server.gates.arrived("child")
        assert server.stop() == 0
        assert proc.ended(child, 5)
        server.await_log("killed 1 process that the application had left running")


def test_threads_before_the_fork_are_named_in_a_warning():
    server = Server("threaded:application")
    server.write("threaded.py", "import threading\n"
                 "threading.Thread(target=threading.Event().wait, name='heart-beat',\n"
                 "                 daemon=True).start()\nfrom probe import application\n")
    with server:
        server.await_log("heart-beat")
        assert server.get().status == 200


def test_a_dead_zygote_is_started_again_and_nobody_notices():
    with Server(expect=["."]) as server:
        workers = server.await_workers(2)
        zygote, = server.zygotes()
        os.kill(zygote, signal.SIGKILL)
        server.wait(lambda: server.zygotes() and zygote not in server.zygotes(),
                    "another zygote")
        assert server.serving() == workers
        os.kill(workers[0], signal.SIGKILL)
        server.await_workers(2, without=[workers[0]])
        assert server.get().status == 200


def test_a_crash_loop_backs_off_and_is_visible():
    server = Server("dying:application", config={"workers": 1, "preload": False,
                    "restart_pause": 0.05, "restart_pause_longest": 0.4}, expect=["."])
    server.write("dying.py", "import gates, os\n"
                 "if gates.wait('import') == 'die': os.abort()\n"
                 "from probe import application\n")
    try:
        server.spawn()
        for _ in range(6):
            server.gates.arrived("import").release("die")
        server.gates.arrived("import", timeout=20).release()
        server.await_ready()
        assert server.get().status == 200
        assert len(re.findall("SIGABRT", server.log.text())) == 6
        server.finish()
    finally:
        server.close()


# -- the master ------------------------------------------------------------------------


def test_when_the_master_is_killed_requests_finish_and_the_workers_go():
    server = Server(expect=["."])
    try:
        server.start()
        workers = server.await_workers(2)
        with server.connect() as connection:
            connection.send(request(target="/gate?id=orphan"))
            held = server.gates.arrived("gate")
            server.send_signal(signal.SIGKILL)
            assert server.await_exit() == -signal.SIGKILL
            other, = [pid for pid in workers if pid != held.pid]
            assert proc.ended(other, 5)
            held.release("done")
            assert connection.response().body == b"done"
        for pid in workers:
            assert proc.ended(pid, 5)
        server.watch.wait(lambda: not server.processes(), "the zygote to go too")
        # systemd holds the socket: who comes meanwhile waits for the next master.
        with server.connect() as early:
            early.send(request())
            server.status_code = None
            server.notify.messages.clear()
            server.start()
            assert early.response().status == 200
        server.finish()
    finally:
        server.close()
