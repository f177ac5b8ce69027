# SPDX-License-Identifier: Apache-2.0
"""The metrics of generations, workers and what else is not a request: see test_catalogue."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time

import pytest

from support import paths
from support.catalogue import moves
from support.client import request
from support.pypi import interpreter
from support.scrape import metrics, page
from support.until import until
from support.websocket import WebSocket

# What workers of `SITE` import; one that waits at a gate.
SITE = "from probe import application\n"
GATE = "import gates\ngates.wait('import')\n"


# -- reloads ---------------------------------------------------------------------------


@moves("generation reload_in_progress reloads_total last_reload_timestamp_seconds "
       "last_reload_duration_seconds workers worker_starts_total worker_exits_total "
       "worker_boot_seconds configuration_info", code=SITE)
def test_a_reload_is_seen_from_its_beginning_to_its_end(server, seen):
    old_hash, = [key for key in seen.before if key.startswith("configuration_info")]
    server.write("here.py", GATE + SITE)
    server.write_config(slow_request=20)
    began = time.monotonic()
    server.send_signal(signal.SIGHUP)
    held = server.gates.arrived("import")
    seen.becomes(1, "reload_in_progress")
    with server.connect() as connection:
        connection.send(request(target="/gate"))
        busy = server.gates.arrived("gate")
        held.release()
        seen.becomes(1, 'workers{state="draining",generation="other"}')
        seen.becomes(2, "generation")
        busy.release()
        connection.response()
    seen.grows(1, 'reloads_total{outcome="committed"}')
    seen.grows(0, "reload_in_progress", 'workers{state="draining",generation="other"}')
    seen.grows(2, "worker_starts_total", 'worker_exits_total{cause="asked"}',
               "worker_boot_seconds_count")
    seen.fits("worker_boot_seconds_sum", lambda s: 0 < s < 60)
    now = metrics(server)
    assert abs(now["last_reload_timestamp_seconds"] - time.time()) < 30
    seen.fits("last_reload_timestamp_seconds", lambda s: s > 0)
    seen.fits("last_reload_duration_seconds", lambda s: 0 < s <= time.monotonic() - began)
    new_hash, = [key for key in now if key.startswith("configuration_info")]
    assert new_hash != old_hash
    seen.becomes(1, new_hash)


@moves("generation_shared", code=SITE)
def test_a_generation_whose_workers_import_by_themselves_is_seen(server, seen):
    server.write("here.py", SITE + "import threading\n"
                 "threading.Thread(target=threading.Event().wait, daemon=True).start()\n")
    server.send_signal(signal.SIGHUP)
    seen.becomes(0, "generation_shared")


@moves("reloads_total last_reload_failed", code=SITE, expect=["refused", "serves on"])
def test_a_reload_that_is_refused_is_counted_as_such(server, seen):
    server.write("here.py", "import nowhere\n")
    server.send_signal(signal.SIGHUP)
    seen.grows(1, 'reloads_total{outcome="refused"}')
    seen.becomes(1, "last_reload_failed")
    seen.grows(0, "generation", 'reloads_total{outcome="committed"}')


@moves("reloads_total", code=SITE, config={"observe": 60}, expect=["rolled back", "SIGABRT"])
def test_a_reload_that_is_rolled_back_is_counted_as_such(server, seen):
    server.send_signal(signal.SIGHUP)
    server.await_log("watching them")
    os.kill(server.serving()[0], signal.SIGABRT)
    seen.grows(1, 'reloads_total{outcome="rolled_back"}',
               'worker_exits_total{cause="signal"}')
    seen.grows(0, 'reloads_total{outcome="committed"}')


# -- why workers end -------------------------------------------------------------------


@moves("worker_exits_total worker_starts_total", config={"workers": 1, "max_requests": 1})
def test_a_recycled_worker_is_counted_as_such(server, seen):
    server.get("/pid")
    seen.grows(1, 'worker_exits_total{cause="recycled"}', "worker_starts_total")


@moves("worker_exits_total", config={"workers": 1}, expect=["exit status 7"])
def test_a_worker_that_leaves_by_itself_is_counted_as_such(server, seen):
    with server.connect() as connection:
        connection.send(request(target="/_exit?status=7"))
        assert connection.closed()
    seen.grows(1, 'worker_exits_total{cause="exit_status"}')


@moves("worker_exits_total", config={"workers": 1, "graceful_timeout": 0.3}, expect=["."])
def test_a_worker_that_does_not_go_is_counted_as_such(server, seen):
    with server.connect() as connection:
        connection.send(request(target="/gate"))
        held = server.gates.arrived("gate")
        os.kill(held.pid, signal.SIGSTOP)  # nor can its keeper let it go
        server.send_signal(signal.SIGHUP)
        seen.grows(1, 'worker_exits_total{cause="graceful_timeout"}')


@moves("worker_exits_total", code=SITE, config={"workers": 1, "preload": False},
       expect=["."])
def test_a_worker_that_cannot_import_is_counted_as_such(server, seen):
    server.write("here.py", "import nowhere\n")
    os.kill(server.workers()[0], signal.SIGKILL)
    seen.fits('worker_exits_total{cause="boot_failed"}', lambda n: n >= 1)


@moves("worker_exits_total", code=SITE, expect=["."],
       config={"workers": 1, "preload": False, "boot_timeout": 1.0})
def test_a_worker_whose_import_never_ends_is_counted_as_such(server, seen):
    server.write("here.py", GATE + SITE)
    os.kill(server.workers()[0], signal.SIGKILL)
    server.gates.arrived("import")
    seen.fits('worker_exits_total{cause="boot_timeout"}', lambda n: n >= 1)


@moves("worker_failures_in_a_row workers", config={"workers": 1, "restart_pause": 30},
       expect=["SIGABRT"])
def test_a_slot_that_rests_after_a_failure_is_seen(server, seen):
    os.kill(server.workers()[0], signal.SIGABRT)
    seen.becomes(1, 'worker_failures_in_a_row{slot="0"}',
                 'workers{state="resting",generation="current"}')
    seen.grows(-1, 'workers{state="serving",generation="current"}')


# -- what waits inside of them -----------------------------------------------------------


@moves("connections_waiting", config={"workers": 2})
def test_requests_that_wait_for_a_thread_inside_of_workers_are_counted(server, seen):
    kept = [server.connect() for _ in range(5)]
    for connection in kept:  # workers have accepted them all
        assert connection.get("/").status == 200
    for connection in kept[:2]:
        connection.send(request(target="/gate"))
    held = [server.gates.arrived("gate") for _ in range(2)]
    seen.grows(0, "connections_waiting")  # those two idle ones wait for nothing
    for connection in kept[2:4]:
        connection.send(request(target="/pid"))
    seen.becomes(2, "connections_waiting")
    server.wait(lambda: server_status(server)["waiting_in_workers"] == 2, "status to say so")
    table = server_status(server, as_json=False)
    assert "  queue 0/" in table and "  2 waiting in workers" in table, table
    for one in held:
        one.release()
    seen.grows(0, "connections_waiting")
    for connection in kept[:4]:
        assert connection.response().status == 200
    for connection in kept:
        connection.close()


def server_status(server, as_json=True):
    done = subprocess.run(
        [str(paths.MONODON), "status", server.path("control.sock"), *["--json"] * as_json],
        capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout) if as_json else done.stdout


# -- the OOM killer --------------------------------------------------------------------

CGROUPS = "/sys/fs/cgroup"


@contextlib.contextmanager
def little_memory():
    """A cgroup with a limit, of the version that the machine has for memory."""
    megabytes = 700 if os.environ.get("MONODON_TEST_PRELOAD") else 150  # a sanitizer's
    first = os.path.exists(f"{CGROUPS}/memory/memory.limit_in_bytes")
    where = f"{CGROUPS}{'/memory' if first else ''}/monodon-test-{os.getpid()}"
    names = (("memory.limit_in_bytes", "memory.memsw.limit_in_bytes") if first
             else ("memory.max", "memory.swap.max"))
    try:
        os.mkdir(where)
        for name, value in zip(names, (megabytes << 20, (megabytes << 20) * first)):
            with open(f"{where}/{name}", "w", encoding="ascii") as file:
                file.write(str(value))
    except OSError as error:
        with contextlib.suppress(OSError):
            os.rmdir(where)
        pytest.skip(f"cannot make a cgroup with a limit here: {error}")
    try:
        yield {"cgroup": where}
    finally:
        until(lambda: not open(f"{where}/cgroup.procs", encoding="ascii").read(),
              f"{where} to be empty")
        os.rmdir(where)


EATER = """
import mmap
kept = []
def application(environ, start_response):
    if environ["PATH_INFO"] == "/eat":
        while True:
            kept.append(mmap.mmap(-1, 1 << 20))
            kept[-1][::4096] = b"x" * 256
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""


@moves("worker_exits_total", code=EATER, around=little_memory,
       expect=["out of memory", "SIGKILL"])
def test_the_kernels_oom_killer_is_told_from_others(server, seen):
    with server.connect() as connection:
        connection.send(request(target="/eat?secret=1"))
        assert connection.closed()
    line = server.await_log("out of memory")
    assert "GET /eat" in line and "secret" not in line
    assert re.search(r"at \d+ MiB with a limit of \d+ MiB.*max_memory", line), line
    seen.grows(1, 'worker_exits_total{cause="out_of_memory"}')
    assert re.search(r"out of memory.* at \d+ MiB with a limit of \d+ MiB.* GET /eat",
                     page(server))
    # One of somebody else is told from it.
    server.await_workers(2)
    os.kill(server.workers()[0], signal.SIGKILL)
    seen.grows(1, 'worker_exits_total{cause="signal"}')
    server.await_log(r"SIGKILL \(not the master's\)")
    assert server.get("/").body == b"ok"


# -- logs, and what the application counts ---------------------------------------------


@contextlib.contextmanager
def unread_output():
    read, write = os.pipe()
    try:
        yield {"stdout": write}
    finally:
        os.close(read)
        os.close(write)


@moves("log_lines_dropped_total", around=unread_output,
       config={"workers": 1, "access_log": "-"},
       expect=["lines of the access log are lost"])
def test_lines_that_nobody_reads_are_counted(server, seen):
    def dropped():
        for _ in range(100):
            assert server.get("/pid?" + "x" * 3000).status == 200
        return metrics(server)["log_lines_dropped_total"] > 0
    server.wait(dropped, "lines that are dropped")
    seen.fits("log_lines_dropped_total", lambda n: 0 < n < 100_000)


TOO_MANY = """
import monodon.prometheus
from prometheus_client import Counter
MANY = Counter("many", "Many", ["n"])
def application(environ, start_response):
    for n in range(4100):
        MANY.labels(n).inc()
    start_response("200 OK", [("Content-Length", "0")])
    return []
"""


@moves("application_series_dropped_total", code=TOO_MANY,
       around=lambda: contextlib.nullcontext(
           {"config": {"workers": 1, "python": interpreter("prometheus_client")}}))
def test_series_that_find_no_room_are_counted(server, seen):
    assert server.get("/").status == 200
    seen.grows(4, "application_series_dropped_total")


WIDE = """
import time
import monodon.prometheus
from prometheus_client import Gauge
WIDE = Gauge("wide", "Wide", ["n"], multiprocess_mode="all")
def application(environ, start_response):
    for n in range(4000):
        WIDE.labels(f"{n:0850}").set(1)
    time.sleep(0.5)  # the next request is for another worker
    start_response("200 OK", [("Content-Length", "0")])
    return []
"""


@moves("application_samples_left_out", code=WIDE,
       around=lambda: contextlib.nullcontext(
           {"config": {"workers": 3, "python": interpreter("prometheus_client")}}))
def test_values_beyond_what_a_scrape_shows_are_counted(server, seen):
    connections = [server.connect() for _ in range(3)]
    for connection in connections:
        connection.send(request())
    for connection in connections:
        assert connection.response().status == 200
        connection.close()
    seen.fits("application_samples_left_out", lambda n: n > 0)


ECHO = """
async def application(scope, receive, send):
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    await receive()
"""


@moves("websockets_open responses_total", code=ECHO,
       config={"workers": 1, "interface": "asgi", "lifespan": "off"})
def test_a_websocket_is_open_until_it_is_closed(server, seen):
    ws = WebSocket(server.connect().socket)
    seen.becomes(1, "websockets_open")
    seen.grows(1, 'responses_total{class="1xx"}')
    ws.close()
    seen.grows(0, "websockets_open")
