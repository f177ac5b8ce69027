# SPDX-License-Identifier: Apache-2.0
"""The exporter: each metric is made to move and seen to; what it survives."""

import os
import re
import signal
import socket
import subprocess
import time

import pytest

from support import paths, proc
from support.client import Connection, request
from support.server import Server

SAMPLE = re.compile(r"(?m)^(monodon_\w+)(?:\{(.*)\})? (\S+)")


def watched(*arguments, expect=(), environment=None, **options):
    """A server with its exporter at a Unix socket."""
    server = Server(*arguments, environment=environment, **options,
                    expect=["exporter ended", *expect])
    server.environment.setdefault("MONODON_METRICS_BIND", "off")
    if server.environment["MONODON_METRICS_BIND"] == "off":
        server.environment["MONODON_METRICS_BIND"] = "unix:" + server.path("metrics.sock")
    return server


def ask(server, path="/metrics", where=None):
    with server.connect(where or server.path("metrics.sock")) as connection:
        return connection.get(path)


def metrics(server, where=None):
    """{'name{label="value"}': number} of one scrape."""
    text = ask(server, where=where).body.decode()
    return {f"{name}{{{labels}}}" if labels else name: float(value)
            for name, labels, value in SAMPLE.findall(text)}


def total(samples, name):
    return sum(value for key, value in samples.items()
               if key.split("{")[0] == "monodon_" + name)


def there(server, where=None):
    try:
        return ask(server, "/-/ready", where).status == 200
    except OSError:
        return False


def await_exporter(server):
    server.wait(lambda: there(server), "the exporter")


def await_sample(server, key, value):
    server.wait(lambda: metrics(server).get("monodon_" + key) == value, f"{key} {value}")


def exporter_of(server):
    """Its pid."""
    found = [pid for pid in proc.children(server.pid)
             if "monodon-exporter" in proc.title(pid)]
    return found[0] if found else None


def test_requests_and_responses_are_counted():
    with watched() as server:
        await_exporter(server)
        before = metrics(server)
        for _ in range(3):
            server.get("/pid")
        server.get("/fail")
        with server.connect() as connection:
            connection.send(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
            assert connection.response().status == 400
        server.wait(lambda: total(metrics(server), "responses_total") == 5, "5 responses")
        after = metrics(server)

        def grown(key):
            return after["monodon_" + key] - before["monodon_" + key]

        assert total(after, "requests_total") - total(before, "requests_total") == 4
        assert grown('responses_total{class="2xx"}') == 3
        assert grown('responses_total{class="4xx"}') == 1
        assert grown('responses_total{class="5xx"}') == 1
        assert grown("requests_refused_total") == 1
        assert grown("application_errors_total") == 1
        assert grown('request_duration_seconds_count{class="2xx"}') == 3
        assert grown('first_byte_seconds_count{class="2xx"}') == 3
        assert grown("connections_accepted_total") == 5
        assert grown("response_body_bytes_total") > 0
        assert grown('thread_seconds_total{state="busy"}') > 0
        server.expect.append("application raised")


# What differs from run to run of a server that nobody asks.
VARIES = re.compile(r"_seconds|_bytes|configuration_info|build_info|exporter_scrapes")


def test_an_idle_server_shows_what_the_golden_file_has():
    """MONODON_GOLDEN=write makes the file anew."""
    golden = paths.TESTS / "process" / "metrics.golden"
    with watched() as server:
        await_exporter(server)
        server.await_workers(2)
        server.wait(lambda: sum("memory_pss" in key for key in metrics(server)) == 2,
                    "the memory of both workers")
        lines = []
        for line in ask(server).body.decode().replace(server.scratch, "DIR").splitlines():
            sample, _, value = line.rpartition(" ")
            if not line.startswith("#") and "le=" not in line:
                varies = VARIES.search(line) and "_count" not in line
                sample = re.sub(r'(hash|version)="[^"]*"', r'\1="*"', sample)
                lines.append(f"{sample} {'*' if varies else value}\n")
    if os.environ.get("MONODON_GOLDEN") == "write":
        golden.write_text("".join(lines), encoding="utf-8")
    assert "".join(lines) == golden.read_text(encoding="utf-8")


def test_a_request_that_runs_is_seen_while_it_runs():
    with watched() as server:
        await_exporter(server)
        with server.connect() as connection:
            connection.send(request(target="/gate"))
            held = server.gates.arrived("gate")
            samples = metrics(server)
            assert samples["monodon_requests_in_progress"] == 1
            assert samples["monodon_oldest_request_age_seconds"] > 0
            await_sample(server, "connections_open", 1)
            held.release()
            connection.response()
        await_sample(server, "requests_in_progress", 0)


def with_app(text, **options):
    """A server of an application that is written here."""
    server = watched("here:application", **options)
    server.write("here.py", text)
    return server


def test_the_first_byte_of_a_stream_is_timed_apart():
    stream = """
import time
def application(environ, start_response):
    start_response("200 OK", [])
    yield b"now"
    time.sleep(0.3)
    yield b"later"
"""
    with with_app(stream) as server:
        await_exporter(server)
        assert server.get("/").body == b"nowlater"
        server.wait(lambda: total(metrics(server), "responses_total") == 1, "a response")
        samples = metrics(server)
        assert samples['monodon_request_duration_seconds_sum{class="2xx"}'] >= 0.3
        assert samples['monodon_first_byte_seconds_sum{class="2xx"}'] < 0.25
        assert samples['monodon_first_byte_seconds_count{class="2xx"}'] == 1


def test_queue_time_is_what_the_proxy_says():
    with watched() as server:
        await_exporter(server)
        server.get("/pid", X_Request_Start=f"t={time.time() - 5:.3f}")
        server.get("/pid")
        server.get("/pid", X_Request_Start="nonsense")
        server.wait(lambda: total(metrics(server), "responses_total") == 3, "responses")
        samples = metrics(server)
        assert samples["monodon_queue_time_seconds_count"] == 1
        assert 4.99 <= samples["monodon_queue_time_seconds_sum"] < 60


def test_waiting_for_the_interpreters_lock_is_measured():
    burn = """
import time
def application(environ, start_response):
    end = time.monotonic() + 0.1
    while time.monotonic() < end:
        pass
    start_response("200 OK", [("Content-Length", "0")])
    return []
"""
    with with_app(burn, config={"workers": 1, "threads": 2}) as server:
        await_exporter(server)
        with server.connect() as one, server.connect() as other:
            one.send(request())
            other.send(request())
            one.response()
            other.response()
        server.wait(lambda: total(metrics(server), "responses_total") == 2, "responses")
        assert metrics(server)["monodon_gil_wait_seconds_total"] > 0.001


def test_a_saturated_server_answers_about_itself():
    with watched(config={"workers": 1}) as server:
        await_exporter(server)
        waiting = []
        with server.connect() as first:
            first.send(request(target="/gate"))
            held = server.gates.arrived("gate")
            for _ in range(3):
                connection = server.connect()
                connection.send(request(target="/pid"))
                waiting.append(connection)
            listener = f'{{listener="unix:{server.path(server.UNIX)}"}}'
            await_sample(server, "listen_queue_length" + listener, 3)
            assert ask(server, "/-/healthy").status == 200
            assert ask(server, "/-/ready").status == 200
            held.release()
            first.response()
        for connection in waiting:
            assert connection.response().status == 200
            connection.close()
        await_sample(server, "listen_queue_length" + listener, 0)
        samples = metrics(server)
        assert samples["monodon_listen_queue_highest" + listener] == 3
        assert samples["monodon_listen_queue_limit" + listener] == 4096


def test_no_counter_goes_back_over_reloads_and_crashes():
    with watched(expect=["SIGKILL", "ended"]) as server:
        await_exporter(server)
        before, sent = metrics(server), 0

        def check():
            nonlocal before
            now = metrics(server)
            for key, value in before.items():
                if re.search(r"_(total|count|sum|bucket)(\{|$)", key):
                    assert now.get(key, -1) >= value, key
            before = now

        for round_ in range(3):
            for _ in range(10):
                assert server.get("/pid").status == 200
                sent += 1
                check()
            if round_ == 0:
                server.send_signal(signal.SIGHUP)
                await_sample(server, 'reloads_total{outcome="committed"}', 1)
                await_sample(server, "reload_in_progress", 0)
            elif round_ == 1:
                old = server.workers()
                os.kill(old[0], signal.SIGKILL)
                server.await_workers(2, without=old[:1])
            check()
        server.wait(lambda: total(metrics(server), "requests_total") == sent, "all of them")
        samples = metrics(server)
        assert samples['monodon_worker_exits_total{cause="signal"}'] == 1
        assert samples['monodon_worker_exits_total{cause="asked"}'] == 2
        assert samples["monodon_worker_starts_total"] == 5
        assert samples["monodon_worker_boot_seconds_count"] == 5
        assert samples["monodon_generation"] == 2
        assert samples["monodon_last_reload_timestamp_seconds"] > 0


def test_an_exporter_that_dies_is_started_again_and_requests_go_on():
    with watched() as server:
        await_exporter(server)
        server.get("/pid")
        first = exporter_of(server)
        os.kill(first, signal.SIGKILL)
        assert server.get("/pid").status == 200
        server.wait(lambda: exporter_of(server) not in (None, first), "another exporter")
        await_exporter(server)
        server.wait(lambda: total(metrics(server), "requests_total") == 2, "old counts")
        assert metrics(server)["monodon_exporter_starts_total"] == 2


def test_a_stopped_exporter_holds_nobody_up():
    with watched(config={"max_requests": 2}) as server:
        await_exporter(server)
        pid = exporter_of(server)
        os.kill(pid, signal.SIGSTOP)
        try:
            assert all(server.get("/pid").status == 200 for _ in range(20))
        finally:
            os.kill(pid, signal.SIGCONT)
        server.wait(lambda: total(metrics(server), "requests_total") == 20, "all of them")


def test_a_port_that_is_taken_is_tried_again():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = taken.getsockname()
        server = watched(environment={"MONODON_METRICS_BIND": f"127.0.0.1:{where[1]}"})
        with server:
            server.await_log("no metrics: .*in use")
            assert server.get("/pid").status == 200
            taken.close()
            server.wait(lambda: there(server, where), "the exporter", timeout=20)


def test_systemds_socket_is_used_for_metrics():
    with watched(sockets={"http": Server.UNIX, "metrics": "metrics.sock"}) as server:
        await_exporter(server)
        assert metrics(server)["monodon_workers_wanted"] == 2
        assert server.get("/pid").status == 200


def test_ready_asks_for_as_many_workers_as_it_is_told():
    with watched(config={"ready_workers": 3}) as server:
        server.wait(lambda: os.path.exists(server.path("metrics.sock")), "the socket")
        answer = ask(server, "/-/ready")
        assert answer.status == 503
        server.send_signal(signal.SIGTTIN)
        await_exporter(server)


@pytest.mark.parametrize("text", [
    b"GET / HTTP/1.1\r\n\r\n" * 2, b"\x00\xff" * 100, b"GET " + b"a" * 70000,
    b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"])
def test_nonsense_costs_the_exporter_nothing(text):
    with watched() as server:
        await_exporter(server)
        pid = exporter_of(server)
        with Connection(server.path("metrics.sock")) as connection:
            connection.send(text)
        assert ask(server).status == 200
        assert exporter_of(server) == pid


def test_promtool_has_nothing_to_say():
    with watched() as server:
        await_exporter(server)
        done = subprocess.run(["promtool", "check", "metrics"], input=ask(server).body,
                              capture_output=True, timeout=60, check=False)
        assert done.returncode == 0 and not done.stderr, done.stderr
