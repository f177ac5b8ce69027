# SPDX-License-Identifier: Apache-2.0
"""Metrics that an application makes with the real prometheus_client, from PyPI."""

import os
import re
import signal
import subprocess

import pytest

from support import paths
from support.pypi import interpreter
from support.server import Server

APPLICATION = """
import os
import monodon.prometheus
from prometheus_client import Counter, Gauge, Histogram, Summary

HITS = Counter("site_hits", "Hits", ["path"])
TIMES = Histogram("site_times", "Times", buckets=(1, 2))
SIZES = Summary("site_sizes", "Sizes")
MODES = ["all", "liveall", "sum", "livesum", "min", "livemin", "max", "livemax",
         "mostrecent", "livemostrecent"]
GAUGES = {mode: Gauge("site_" + mode, "Gauge", multiprocess_mode=mode) for mode in MODES}

def application(environ, start_response):
    HITS.labels(environ["PATH_INFO"]).inc()
    TIMES.observe(1.5)
    SIZES.observe(10)
    for gauge in GAUGES.values():
        gauge.set(7)
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]
"""


@pytest.fixture(scope="module")
def python():
    return interpreter("prometheus_client")


def site(python, **config):
    server = Server("counted:application", expect=["exporter ended", "killed", "SIGKILL"],
                    config={"python": python} | config)
    with open(server.path("counted.py"), "w", encoding="utf-8") as file:
        file.write(APPLICATION)
    server.environment["MONODON_METRICS_BIND"] = "unix:" + server.path("metrics.sock")
    return server


def scrape(server):
    try:
        with server.connect(server.path("metrics.sock")) as connection:
            text = connection.get("/metrics").body.decode()
    except OSError:
        return {}
    return {name: float(value)
            for name, value in re.findall(r"(?m)^(site_\S+) (\S+)$", text)}


def await_hits(server, count):
    return server.wait(lambda: (seen := scrape(server)).get('site_hits_total{path="/"}')
                       == count and seen, f"{count} hits")


@pytest.mark.parametrize("preload", [True, False])
def test_counters_survive_workers_that_die_and_reloads(python, preload):
    with site(python, preload=preload) as server:
        for _ in range(5):
            server.get("/")
        await_hits(server, 5)
        old = server.await_workers(2)
        os.kill(old[0], signal.SIGKILL)
        new = server.await_workers(2, without=old[:1])
        for _ in range(5):
            server.get("/")
        await_hits(server, 10)
        server.send_signal(signal.SIGHUP)
        server.await_workers(2, without=new)
        for _ in range(5):
            server.get("/")
        seen = await_hits(server, 15)
        assert seen['site_times_bucket{le="1"}'] == 0
        assert seen['site_times_bucket{le="2"}'] == 15
        assert seen["site_times_count"] == 15 and seen["site_times_sum"] == 22.5
        assert seen["site_sizes_count"] == 15 and seen["site_sizes_sum"] == 150


def test_gauges_of_a_worker_count_as_their_mode_says(python):
    with site(python, workers=1) as server:
        pid = int(server.get("/").body)
        seen = await_hits(server, 1)
        assert seen[f'site_all{{pid="{pid}"}}'] == seen[f'site_liveall{{pid="{pid}"}}'] == 7
        for mode in ("sum", "livesum", "min", "livemin", "max", "livemax", "mostrecent",
                     "livemostrecent"):
            assert seen["site_" + mode] == 7, mode
        os.kill(pid, signal.SIGKILL)
        (new,) = server.await_workers(1, without=[pid])
        seen = server.wait(lambda: (s := scrape(server)).get(
            f'site_liveall{{pid="{new}"}}') == 0 and s, "the gauge of the new worker")
        assert f'site_liveall{{pid="{pid}"}}' not in seen
        assert seen["site_livesum"] == 0 and seen['site_hits_total{path="/"}'] == 1


LIBDIR = paths.BUILD / "worker" / "python"
VALUES = """
import os, sys, warnings
sys.argv = ["x"]
sys.path.insert(0, {libdir!r})
import zygote
{region}
sys.meta_path.append(zygote.Finder)
import monodon.prometheus as shared
from prometheus_client import Counter, Gauge
"""


def run(python, code, region=True):
    made = """
fd = os.memfd_create("monodon-application")
if fd != 4:
    os.dup2(fd, 4)
os.ftruncate(4, 4096 + 4096 * 1024 + 1024 * 4096 * 24)
os.pwrite(4, b"MNDNAPP1", 0)
""" if region else ""
    text = VALUES.format(libdir=str(LIBDIR), region=made) + code
    done = subprocess.run([python, "-c", text], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_a_value_counts_on_where_the_worker_before_stopped(python):
    run(python, """
hits = Counter("hits", "h")
hits.inc(2)
shared.start_worker(3)
hits.inc()
values, _ = shared._State.column
assert values[0] == 3.0
if os.fork() == 0:
    hits.inc(100)   # a child of the application keeps it to itself
    os._exit(0)
os.wait()
assert values[0] == 3.0 and hits._value.get() == 3.0
again = shared.Region(4)
assert again.find(hits._value._key, False) == 0
""")


def test_a_full_table_drops_what_is_new_counts_it_and_warns_once(python):
    run(python, """
shared.start_worker(0)
first = Counter("first", "h")
hits = Counter("hits", "h", ["n"])
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    for n in range(4200):
        hits.labels(n).inc()
assert len([w for w in said if "no room" in str(w.message)]) == 1, said
counts = shared._State.region._counts
assert counts[0] == 4096 and counts[1] >= 100, list(counts)
first.inc()
assert hits.labels(4199)._value.get() == 1
""")


def test_without_a_region_values_are_those_of_one_process(python):
    run(python, """
shared.start_worker(0)
hits = Counter("hits", "h")
hits.inc()
assert hits._value.get() == 1
""", region=False)


def test_a_metric_made_before_the_import_is_an_error_that_names_it(python):
    text = VALUES.format(libdir=str(LIBDIR), region="""
from prometheus_client import Counter
Counter("early", "h")
""")
    done = subprocess.run([python, "-c", text], capture_output=True, timeout=60, check=False)
    assert done.returncode != 0 and b"made already: early" in done.stderr
