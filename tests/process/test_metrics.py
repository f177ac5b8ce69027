# SPDX-License-Identifier: Apache-2.0
"""The exporter: what it shows of a server that does nothing, and what it survives. That
each metric moves is in test_catalogue."""

import contextlib
import gzip
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from support import paths, proc
from support.client import Connection, request
from support.scrape import (ask, await_exporter, await_sample, exporter_of, metrics, there,
                            total, watched)
from support.server import Server

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
        assert samples["listen_queue_highest" + listener] == 3
        assert samples["listen_queue_limit" + listener] == 4096


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
        assert samples['worker_exits_total{cause="signal"}'] == 1
        assert samples['worker_exits_total{cause="asked"}'] == 2
        assert samples["worker_starts_total"] == 5
        assert samples["worker_boot_seconds_count"] == 5
        assert samples["generation"] == 2
        assert samples["last_reload_timestamp_seconds"] > 0


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
        assert metrics(server)["exporter_starts_total"] == 2


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


def test_a_default_port_that_another_site_has_is_told_without_a_warning():
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(socket.create_server(("127.0.0.1", 9117)))
        except OSError:
            pass  # somebody has it anyway
        server = stack.enter_context(watched(environment={"MONODON_METRICS_BIND": "127.0.0.1:9117"}))
        assert "[INFO]" in server.await_log("no metrics: .*in use.*gives this site its own")


def test_systemds_socket_is_used_for_metrics():
    with watched(sockets={"http": Server.UNIX, "metrics": "metrics.sock"}) as server:
        await_exporter(server)
        assert metrics(server)["workers_wanted"] == 2
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


def test_a_scrape_of_64_workers_costs_less_than_5_ms_and_no_worker_anything():
    with watched("native:hello", config={"workers": 64}) as server:
        await_exporter(server)
        workers = server.await_workers(64, timeout=60)
        exporter, scrapes = exporter_of(server), 200
        metrics(server)
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        try:
            took, before = [], proc.cpu_seconds(exporter)
            for _ in range(scrapes):
                began = time.monotonic()
                assert ask(server).body.count(b"monodon_requests_total{") == 64
                took.append(time.monotonic() - began)
            spent = (proc.cpu_seconds(exporter) - before) / scrapes
        finally:
            for pid in workers:
                os.kill(pid, signal.SIGCONT)
        print(f"a scrape: {spent * 1e3:.2f} ms of CPU, {min(took) * 1e3:.2f} ms at best")
        assert spent < 0.005 and min(took) < 0.005, (spent, min(took))


def scrape(server, **fields):
    with server.connect(server.path("metrics.sock")) as connection:
        return connection.get("/metrics", **fields)


def test_every_metric_can_carry_the_name_of_its_site():
    with watched(config={"workers": 1, "name": "shop", "metrics_labels": ["team=web"]}) as server:
        await_exporter(server)
        seen = metrics(server)
        info, = [key for key in seen if key.startswith("build_info")]
        assert 'site="shop"' in info and 'application="probe:application"' in info
        assert seen and all('team="web"' in key for key in seen)


def test_a_scrape_is_compressed_for_who_takes_that():
    with watched(config={"workers": 1}) as server:
        await_exporter(server)
        plain = scrape(server)
        assert "Content-Encoding" not in dict(plain.fields)
        packed = scrape(server, accept_encoding="gzip")
        assert dict(packed.fields)["Content-Encoding"] == "gzip"
        assert dict(packed.fields)["Vary"] == "Accept-Encoding"
        assert len(packed.body) * 4 < len(plain.body)
        text = gzip.decompress(packed.body)
        assert text.splitlines()[:3] == plain.body.splitlines()[:3]


def test_openmetrics_is_spoken_when_asked_for():
    with watched(config={"workers": 1}) as server:
        await_exporter(server)
        server.get()
        answer = scrape(server, accept="application/openmetrics-text;version=1.0.0,*/*;q=0.1")
        assert dict(answer.fields)["Content-Type"].startswith("application/openmetrics-text")
        text = answer.body.decode()
        assert text.endswith("# EOF\n")
        parser = pytest.importorskip("prometheus_client.openmetrics.parser")
        families = {f.name: f for f in parser.text_string_to_metric_families(text)}
        assert families["monodon_responses"].type == "counter"
        assert families["monodon_request_duration_seconds"].type == "histogram"


def test_the_processor_time_of_the_master_is_its_own():
    with watched(config={"workers": 1}, expect=["."]) as server:
        await_exporter(server)
        old, = server.await_workers(1)
        server.wait(lambda: server.get("/burn?rounds=200000")
                    and proc.cpu_seconds(old) > 0.5, "a worker that has worked")
        os.kill(old, signal.SIGKILL)
        server.await_workers(1, without=[old])
        assert metrics(server)['process_cpu_seconds_total{process="master"}'] < 0.5


def test_a_failed_reload_is_told_until_one_succeeds():
    with watched(config={"workers": 1}, expect=["."]) as server:
        await_exporter(server)
        await_sample(server, "last_reload_failed", 0)
        server.write_config(workers=1, health_check="/fail")
        server.send_signal(signal.SIGHUP)
        await_sample(server, "last_reload_failed", 1)
        server.write_config(workers=1, health_check=None)
        server.send_signal(signal.SIGHUP)
        await_sample(server, "last_reload_failed", 0)


def test_every_alert_leads_to_its_row_in_the_manual():
    rules = "".join((paths.ROOT / f"conf/prometheus/{name}.rules.yml").read_text(encoding="utf-8")
                    for name in ("monodon", "monodon-fleet"))
    manual = (paths.ROOT / "docs/operations.md").read_text(encoding="utf-8")
    names = re.findall(r"alert: (\w+)", rules)
    links = re.findall(r"runbook_url: \S+/docs/operations\.md#(\w+)", rules)
    assert links == [name.lower() for name in names]
    assert all(f'<a id="{link}"></a>' in manual for link in links)
