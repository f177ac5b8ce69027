# SPDX-License-Identifier: Apache-2.0
"""Every metric of the catalogue: what it counts is made to happen, and seen."""

import os
import signal
import subprocess
import time

import pytest

import test_catalogue_workers  # the other half of these tests
from support import paths, proc
from support.catalogue import MOVED, catalogue, moves
from support.client import Truncated, request
from support.scrape import ask, await_exporter, exporter_of, metrics, total

def test_each_metric_of_the_catalogue_is_moved_by_a_test():
    known = catalogue()
    assert test_catalogue_workers and len(known) > 40 and set(known) == MOVED, set(known) ^ MOVED


# -- requests --------------------------------------------------------------------------


@moves("requests_total responses_total request_duration_seconds first_byte_seconds "
       "connections_accepted_total request_body_bytes_total response_body_bytes_total",
       config={"workers": 1})
def test_a_request_is_counted_once_in_each_place(server, seen):
    with server.connect() as connection:
        body = connection.ask(request("POST", "/unread", body=b"0123456789")).body
    seen.grows(1, 'requests_total{slot="0"}', 'responses_total{class="2xx"}',
               'request_duration_seconds_count{class="2xx"}',
               'request_duration_seconds_bucket{class="2xx",le="+Inf"}',
               'first_byte_seconds_count{class="2xx"}', "connections_accepted_total")
    seen.grows(10, "request_body_bytes_total")
    seen.grows(len(body), "response_body_bytes_total")


STATUSES = """
def application(environ, start_response):
    start_response(environ["PATH_INFO"][1:] + " So", [("Content-Length", "0")])
    return []
"""


@moves("responses_total request_duration_seconds", code=STATUSES, config={"workers": 1})
def test_responses_are_counted_by_class(server, seen):
    for number, status in enumerate([204, 304, 404, 500, 503], 2):
        assert server.get(f"/{status}").status == status
    for label, count in {"2xx": 1, "3xx": 1, "4xx": 1, "5xx": 2, "1xx": 0, "none": 0}.items():
        seen.grows(count, f'responses_total{{class="{label}"}}',
                   f'request_duration_seconds_count{{class="{label}"}}')


@moves("requests_refused_total responses_total",
       config={"workers": 1, "header_timeout": 0.2})
def test_what_the_server_refuses_by_itself_is_counted(server, seen):
    with server.connect() as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        assert connection.response().status == 400
    seen.grows(1, "requests_refused_total", 'responses_total{class="4xx"}')
    with server.connect() as connection:
        connection.send(b"GET / HTTP/1.1\r\nHo")
        assert connection.response().status == 408
    seen.grows(2, "requests_refused_total", 'responses_total{class="4xx"}')
    seen.grows(0, 'requests_total{slot="0"}')


@moves("application_errors_total responses_total", expect=["application raised"])
def test_an_exception_of_the_application_is_counted(server, seen):
    server.get("/fail")
    seen.grows(1, "application_errors_total", 'responses_total{class="5xx"}')


@moves("header_fields_dropped_total")
def test_fields_with_underscores_are_counted(server, seen):
    with server.connect() as connection:
        connection.ask(b"GET / HTTP/1.1\r\nHost: x\r\nX_A: 1\r\nX_B: 2\r\n\r\n")
    seen.grows(2, "header_fields_dropped_total")


@moves("static_files_total responses_total", config={"static": {"/apps": str(paths.APPS)}})
def test_files_are_counted_apart_from_requests(server, seen):
    server.get("/apps/probe.py")
    server.get("/apps/nothing")
    seen.grows(2, "static_files_total")
    seen.grows(1, 'responses_total{class="2xx"}', 'responses_total{class="4xx"}')
    seen.grows(0, 'requests_total{slot="0"}')


@moves("requests_in_progress oldest_request_age_seconds connections_open "
       "connections_idle", config={"workers": 1})
def test_what_is_there_now_is_seen_while_it_is_there(server, seen):
    with server.connect() as connection:
        connection.send(request(target="/gate"))
        held = server.gates.arrived("gate")
        seen.becomes(1, "requests_in_progress", "connections_open")
        seen.fits("oldest_request_age_seconds", lambda age: 1.2 < age < 60)
        seen.grows(0, "connections_idle")
        held.release()
        connection.response()
        seen.becomes(1, "connections_idle")
        seen.grows(0, "requests_in_progress", "oldest_request_age_seconds")
    seen.grows(0, "connections_idle", "connections_open")


STREAM = """
import time
def application(environ, start_response):
    start_response("200 OK", [])
    yield b"now"
    time.sleep(0.3)
    yield b"later"
"""


@moves("first_byte_seconds request_duration_seconds", code=STREAM)
def test_the_first_byte_of_a_stream_is_timed_apart(server, seen):
    assert server.get("/").body == b"nowlater"
    seen.grows(1, 'first_byte_seconds_count{class="2xx"}')
    seen.fits('request_duration_seconds_sum{class="2xx"}', lambda s: 0.3 <= s < 5)
    seen.fits('first_byte_seconds_sum{class="2xx"}', lambda s: 0 < s < 0.25)


@moves("queue_time_seconds")
def test_queue_time_is_what_the_proxy_says(server, seen):
    server.get("/pid", X_Request_Start=f"t={time.time() - 5:.3f}")
    server.get("/pid")
    server.get("/pid", X_Request_Start="nonsense")
    seen.grows(3, 'responses_total{class="2xx"}')
    seen.grows(1, "queue_time_seconds_count", 'queue_time_seconds_bucket{le="60"}')
    seen.grows(0, 'queue_time_seconds_bucket{le="2.5"}')
    seen.fits("queue_time_seconds_sum", lambda s: 4.99 <= s < 60)


@moves("slow_requests_total", config={"slow_request": 0.1})
def test_a_slow_request_is_counted_while_it_runs(server, seen):
    with server.connect() as connection:
        connection.send(request(target="/gate"))
        held = server.gates.arrived("gate")
        seen.grows(1, "slow_requests_total")
        held.release()
        connection.response()


@moves("request_deadlines_total worker_exits_total responses_total", expect=["."],
       config={"workers": 1, "request_timeout": 0.3, "graceful_timeout": 1})
def test_a_request_past_its_deadline_is_counted_as_what_its_client_got(server, seen):
    assert server.get("/stuck").status == 504
    seen.grows(1, "request_deadlines_total", 'worker_exits_total{cause="deadline"}',
               'responses_total{class="5xx"}',
               'request_duration_seconds_count{class="5xx"}')
    seen.grows(0, 'responses_total{class="none"}')


@moves("responses_total worker_exits_total request_duration_seconds thread_seconds_total",
       expect=["."], config={"workers": 1})
def test_a_request_that_died_with_its_worker_has_no_answer(server, seen):
    with server.connect() as connection:
        connection.send(request(target="/gate"))
        held = server.gates.arrived("gate")
        seen.fits("oldest_request_age_seconds", lambda age: age > 0.2)
        os.kill(held.pid, signal.SIGKILL)
        with pytest.raises(Truncated):
            connection.response()
    seen.grows(1, 'worker_exits_total{cause="signal"}', 'responses_total{class="none"}',
               'requests_total{slot="0"}', 'request_duration_seconds_count{class="none"}')
    seen.fits('thread_seconds_total{state="busy"}', lambda s: s > 0.2)


# -- connections, queues ---------------------------------------------------------------


@moves("connections_handed_over_total")
def test_a_connection_that_changes_its_worker_is_counted_on_both_sides(server, seen):
    with server.connect() as kept, server.connect() as one, server.connect() as other:
        owner = int(kept.get("/pid").body)
        held = []
        for connection in (one, other):
            connection.send(request(target="/gate"))
            held.append(server.gates.arrived("gate"))
        for h in [h for h in held if h.pid != owner]:
            h.release()
        assert int(kept.get("/pid").body) != owner
        for direction in ("in", "out"):
            seen.fits(f'connections_handed_over_total{{direction="{direction}"}}',
                      lambda n: n >= 1)
        for h in held:
            h.release()


@moves("listen_queue_length listen_queue_limit listen_queue_highest", config={"workers": 1},
       sockets={"http": "http.sock", "second": ("127.0.0.1", 0)})
def test_connections_that_wait_in_the_kernel_are_counted(server, seen):
    tcp = server.listeners["second"].getsockname()
    names = {server.path("http.sock"): f'{{listener="unix:{server.path("http.sock")}"}}',
             tcp: f'{{listener="127.0.0.1:{tcp[1]}"}}'}
    with server.connect() as first:
        first.send(request(target="/gate"))
        held = server.gates.arrived("gate")
        waiting = []
        for count, (where, label) in enumerate(names.items(), 2):
            waiting += [server.connect(where) for _ in range(count)]
            seen.becomes(count, "listen_queue_length" + label)
        for connection in waiting:
            connection.send(request(target="/pid"))
        held.release()
        for connection in waiting:
            assert connection.response().status == 200
            connection.close()
    for count, (where, label) in enumerate(names.items(), 2):
        seen.grows(0, "listen_queue_length" + label)
        seen.becomes(count, "listen_queue_highest" + label)
        limit = 4096 if isinstance(where, str) else 128
        seen.says("listen_queue_limit" + label, limit)


@moves("accept_pauses_total", config={"workers": 1, "keepalive": 60}, expect=["."],
       limits={"RLIMIT_NOFILE": 128})
def test_want_of_descriptors_is_counted(server, seen):
    crowd = [server.connect() for _ in range(200)]
    for connection in crowd:
        connection.send(request(target="/pid"))
    server.await_log("accepting pauses")
    seen.fits("accept_pauses_total", lambda n: n >= 1)
    for connection in crowd:
        assert connection.response().status == 200
        connection.close()


# -- threads, processor, memory --------------------------------------------------------


@moves("saturation_ratio", config={"workers": 1})
def test_a_server_whose_every_thread_is_busy_is_saturated(server, seen):
    with server.connect() as connection:
        connection.send(request(target="/gate"))
        held = server.gates.arrived("gate")
        seen.becomes(1, "saturation_ratio")
        held.release()
        assert connection.response().status == 200


@moves("threads workers workers_wanted", config={"threads": 3})
def test_one_worker_more_is_seen_with_its_threads(server, seen):
    server.send_signal(signal.SIGTTIN)
    seen.becomes(3, "workers_wanted", 'workers{state="serving",generation="current"}')
    seen.becomes(9, "threads")


@moves("thread_seconds_total", code=STREAM, config={"workers": 1})
def test_the_time_of_threads_is_busy_or_idle(server, seen):
    began = time.monotonic()
    server.get("/")
    seen.fits('thread_seconds_total{state="busy"}', lambda s: s >= 0.3)
    seen.fits('thread_seconds_total{state="idle"}', lambda s: s > 0)
    now = metrics(server)
    both = total(now, "thread_seconds_total") - total(seen.before, "thread_seconds_total")
    assert both < time.monotonic() - began + 1


BURN = """
import time
def application(environ, start_response):
    end = time.thread_time() + 0.2
    while time.thread_time() < end:
        pass
    start_response("200 OK", [("Content-Length", "0")])
    return []
"""


@moves("gil_wait_seconds_total", code=BURN, config={"workers": 1, "threads": 2})
def test_waiting_for_the_interpreters_lock_is_measured(server, seen):
    with server.connect() as one, server.connect() as other:
        one.send(request())
        other.send(request())
        one.response()
        other.response()
    seen.fits("gil_wait_seconds_total", lambda s: 0.001 < s < 60)


@moves("worker_cpu_seconds_total", code=BURN, config={"workers": 1}, expect=["SIGKILL"])
def test_processor_time_of_a_slot_outlives_its_worker(server, seen):
    key = 'worker_cpu_seconds_total{slot="0"}'
    server.get("/")
    seen.fits(key, lambda s: 0.19 <= s < 2)
    old = server.workers()
    os.kill(old[0], signal.SIGKILL)
    server.await_workers(1, without=old)
    server.get("/")
    seen.fits(key, lambda s: s >= 0.38)


HOARD = """
kept = []
def application(environ, start_response):
    kept.append(b"x" * 50_000_000)
    start_response("200 OK", [("Content-Length", "0")])
    return []
"""


@moves("worker_memory_rss_bytes worker_memory_pss_bytes", code=HOARD, config={"workers": 1})
def test_memory_that_a_worker_takes_is_seen(server, seen):
    server.wait(lambda: total(metrics(server), "worker_memory_pss_bytes"), "the first look")
    seen.before = metrics(server)
    server.get("/")
    for kind in ("rss", "pss"):
        seen.fits(f'worker_memory_{kind}_bytes{{slot="0"}}',
                  lambda n: 49_000_000 < n < 60_000_000)


@moves("process_cpu_seconds_total process_memory_rss_bytes")
def test_the_servers_own_processes_are_seen(server, seen):
    pids = {"master": server.pid, "exporter": exporter_of(server)}
    pids["zygote"], = [pid for pid in server.zygotes() if pid != pids["exporter"]]
    for name, pid in pids.items():
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            rss = int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
        seen.says(f'process_memory_rss_bytes{{process="{name}"}}', rss, within=0.2)

    def work_of(name):
        while proc.cpu_seconds(pids[name]) < 0.03 + seen.before[key.format(name)]:
            server.control({"op": "status"}) if name == "master" else ask(server)
    key = 'process_cpu_seconds_total{{process="{}"}}'
    for name in ("master", "exporter"):
        work_of(name)
        seen.fits(key.format(name), lambda s: 0.02 < s < 5)


# -- the rest of the server ------------------------------------------------------------


@moves("build_info start_time_seconds")
def test_what_runs_since_when(server, seen):
    said = subprocess.run([str(paths.MONODON), "--version"], capture_output=True, text=True,
                          check=True)
    version = said.stdout.split()[-1]
    here, = [key for key in seen.before if key.startswith("build_info")]
    assert f'version="{version}"' in here and 'application="' in here
    seen.says(here, 1)
    began = metrics(server)["start_time_seconds"]
    assert time.time() - 60 < began <= time.time()
    seen.says("start_time_seconds", began)


@moves("master_heartbeat_age_seconds")
def test_a_master_that_is_stopped_is_seen(server, seen):
    os.kill(server.pid, signal.SIGSTOP)
    try:
        seen.fits("master_heartbeat_age_seconds", lambda age: age > 1.5)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    server.wait(lambda: metrics(server)["master_heartbeat_age_seconds"] < 1.2, "it again")


@moves("stopping", config={"workers": 1})
def test_a_server_that_stops_says_so(server, seen):
    with server.connect() as connection:
        connection.send(request(target="/gate"))
        held = server.gates.arrived("gate")
        server.send_signal(signal.SIGTERM)
        seen.becomes(1, "stopping")
        held.release()
        connection.response()
    assert server.await_exit() == 0


@moves("exporter_starts_total")
def test_an_exporter_that_dies_is_counted(server, seen):
    os.kill(exporter_of(server), signal.SIGKILL)
    await_exporter(server)
    seen.grows(1, "exporter_starts_total")


@moves("exporter_scrapes_total exporter_scrape_seconds_total")
def test_scrapes_are_counted_and_timed(server, seen):
    for count in range(1, 4):
        assert metrics(server)["exporter_scrapes_total"] == (
            seen.before["exporter_scrapes_total"] + count)
    seen.fits("exporter_scrapes_total", lambda n: n >= 4)
    seen.fits("exporter_scrape_seconds_total", lambda s: 0 < s < 1)
