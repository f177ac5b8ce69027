# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus looks at loaded servers, and its alerts at broken ones.

MONODON_LONG=1 makes every fault that has an alert; else it is some of them.
"""

import bisect
import contextlib
import json
import os
import re
import shutil
import signal
import threading
import time

import pytest

from support import paths
from support.catalogue import catalogue
from support.client import request
from support.prometheus import Prometheus, free_port
from support.scrape import await_exporter, exporter_of, watched
from support.server import Server
from support.traffic import Traffic
from test_catalogue_workers import EATER, GATE, SITE, little_memory, unread_output

LONG = os.environ.get("MONODON_LONG") == "1"
UNDER_WAY = 12  # requests: connections of Traffic, `kept` and `fresh`
pytestmark = pytest.mark.skipif(not shutil.which("prometheus"),
                                reason="Debian's prometheus is not installed")


def target(*arguments, code=None, **options):
    """(server, port of its exporter), not started yet."""
    port = free_port()
    server = watched(*["here:application"] * (code is not None), *arguments, expect=["."],
                     environment={"MONODON_METRICS_BIND": f"127.0.0.1:{port}"}, **options)
    if code is not None:
        server.write("here.py", code)
    return server, port


def is_counter(name):
    return name.endswith("_total")


def histograms():
    text = (paths.ROOT / "docs" / "man" / "monodon-metrics.7").read_text(encoding="utf-8")
    return re.findall(r"^\.It Sy monodon_(\w+) Pq histogram", text, re.MULTILINE)


def counters():
    names = [name for name in catalogue() if is_counter(name)]
    return names + [name + part for name in histograms()
                    for part in ("_count", "_sum", "_bucket")]


def disturb(server):
    """A reload, a worker that is killed, the zygote that is killed, a reload."""
    for step in ("reload", "worker", "zygote", "reload"):
        old = server.await_workers(2)
        if step == "reload":
            server.send_signal(signal.SIGHUP)
            server.await_workers(2, without=old)
        elif step == "worker":
            os.kill(old[0], signal.SIGKILL)
            server.await_workers(2, without=old[:1])
        else:
            zygote, = [pid for pid in server.zygotes() if pid != exporter_of(server)]
            os.kill(zygote, signal.SIGKILL)
            server.wait(lambda: set(server.zygotes()) - {zygote, exporter_of(server)},
                        "another zygote")
        yield step


def test_rates_over_its_data_are_those_of_the_clients():
    server, port = target(code="from traffic_site import application\n")
    with server, Prometheus([port]) as prometheus:
        prometheus.wait(lambda: prometheus.query("up == 1"), "the first scrape")
        with Traffic(server.address, rate=200, slow=5, times=True) as traffic:
            begin = time.time()
            for _ in disturb(server):
                time.sleep(3)  # more to look at
            end = time.time()
            prometheus.wait(lambda: prometheus.number("min(timestamp(monodon_generation))")
                            > end, "a later scrape")
        report = traffic.stop()
        # A killed worker takes with it what it had at hand, which it may have begun.
        errors = report["errors"]
        lost = sum(errors.values()) - errors.get("idle eof", 0)
        assert set(errors) <= {"eof", "reset", "idle eof", "idle reset"} and lost < 20, report

        # The whole run: to the request, but for one that the killed worker may have
        # answered without living to count it.
        over = time.time()
        prometheus.wait(lambda: prometheus.number("min(timestamp(monodon_generation))")
                        > over, "the last scrape")
        counted = prometheus.number('sum(monodon_responses_total{class="2xx"})')
        assert len(report["times"]) - 1 <= counted <= len(report["times"])
        assert 0 <= prometheus.number('monodon_responses_total{class="none"}') <= lost
        # The rate in the middle of it: but for what is under way between client and server,
        # and what is answered while Prometheus asks, which is when its numbers are of.
        for span in (6, 10):
            assert end - span > begin + 1
            for rate, answered in (
                    (f'sum(rate(monodon_responses_total{{class="2xx"}}[{span}s]))', ranged),
                    (f"sum(rate(monodon_request_duration_seconds_count[{span}s]))", ranged),
                    (rise("monodon_requests_total", span), risen)):
                seen = prometheus.number(rate, end)
                wanted = answered(prometheus, report["times"], end, span)
                asked = prometheus.number(
                    f"max(max_over_time(scrape_duration_seconds[{span}s]))", end)
                print(f"{rate}: {seen:.2f}; the client: {wanted:.2f}; asked for {asked:.3f} s")
                assert asked < 0.4
                assert abs(seen - wanted) * span <= UNDER_WAY + asked * wanted, rate
        assert_no_resets(prometheus, counters())
        assert_dashboard_shows(prometheus, {port: "here"})

        # The exporter's end takes nothing with it but what is of itself.
        os.kill(exporter_of(server), signal.SIGKILL)
        prometheus.wait(lambda: prometheus.query("monodon_exporter_starts_total == 2"),
                        "another exporter")
        assert_no_resets(prometheus, [name for name in counters()
                                      if "exporter_scrape" not in name
                                      and name != "process_cpu_seconds_total"])


def rise(name, span):
    """The rate of a counter of each slot. rate() takes one that has just begun to count for
    one that began within the range, and a slot may do that in any reload."""
    return (f"(sum({name}) - sum({name} offset {span}s)) / scalar("
            f"max(timestamp({name})) - max(timestamp({name} offset {span}s)))")


def ranged(prometheus, times, end, span):
    """Answers a second that the client got between the first and the last scrape of the
    range, which is what rate() looks at."""
    samples = prometheus.api("query", query=f"monodon_generation[{span}s]",
                             time=f"{end:.3f}")["result"][0]["values"]
    return client_rate(times, samples[0][0], samples[-1][0])


def risen(prometheus, times, end, span):
    """The same between the two scrapes that rise() looks at."""
    first, last = (prometheus.number("timestamp(monodon_generation)", at)
                   for at in (end - span, end))
    return client_rate(times, first, last)


def client_rate(times, first, last):
    return (bisect.bisect(times, last) - bisect.bisect(times, first)) / (last - first)


def assert_no_resets(prometheus, names):
    assert len(names) > 30
    for name in names:
        seen = prometheus.query(f"resets(monodon_{name}[5m])")
        assert seen and not [one for one in seen if one[1]], (name, seen)


def assert_dashboard_shows(prometheus, sites):
    """Each query has something for each site, and names it. sites: {port: name}"""
    board = json.loads((paths.ROOT / "conf/grafana/monodon.json").read_text(encoding="utf-8"))
    asked = [t["expr"] for panel in board["panels"] for t in panel.get("targets", [])]
    assert len(asked) > 15
    for expression in asked:
        put = expression.replace("$instance", "|".join(f"127.0.0.1:{port}" for port in sites))
        put = put.replace("$__rate_interval", "30s")
        seen = {labels.get("site") for labels, _ in prometheus.query(put)}
        assert seen == set(sites.values()), (put, seen)


@pytest.mark.skipif(not LONG, reason="MONODON_LONG is not 1")
def test_the_dashboard_shows_several_sites_at_once():
    with contextlib.ExitStack() as stack:
        sites = {}
        for name in ("shop", "blog"):
            server, port = target(code="from traffic_site import application\n",
                                  config={"name": name})
            stack.enter_context(server)
            sites[port] = name
            stack.enter_context(Traffic(server.address, rate=30, slow=9, times=False))
            server.await_workers(2)
        prometheus = stack.enter_context(Prometheus(list(sites)))
        # rate() needs two, and the queue's curve shows what has been for some seconds.
        prometheus.wait(lambda: len(prometheus.query(
            "count_over_time(monodon_build_info[5m]) > 6")) == 2, "some scrapes of both")
        assert_dashboard_shows(prometheus, sites)
        alerts = prometheus.api("rules", type="record")["groups"]
        assert all(rule["health"] == "ok" for group in alerts for rule in group["rules"])
        recorded = prometheus.wait(lambda: prometheus.query("monodon:requests:rate5m"), "a rule")
        assert {labels["site"] for labels, _ in recorded} == {"shop", "blog"}


# -- alerts ----------------------------------------------------------------------------


@contextlib.contextmanager
def stopped(*pids):
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def repeatedly(ask, pause):
    """Calls `ask` in a thread for as long as the block runs."""
    over = threading.Event()

    def run():
        while not over.wait(pause):
            ask()
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextlib.contextmanager
def busy(server, waiting=0):
    """The one worker has a request that does not end, and others wait."""
    connections = [server.connect()]
    connections[0].send(request(target="/gate"))
    held = server.gates.arrived("gate")
    # Not before: as long as it is idle the worker accepts them.
    connections += [server.connect() for _ in range(waiting)]
    try:
        yield
    finally:
        held.release()
        for connection in connections:
            connection.close()


@contextlib.contextmanager
def load_and_reloads(server):
    with Traffic(server.address, rate=60, slow=9, times=False) as traffic:
        with repeatedly(lambda: server.send_signal(signal.SIGHUP), 4):
            yield
    assert traffic.clean, traffic.report


@contextlib.contextmanager
def once(action):
    action()
    yield


def crash(server, times):
    for _ in range(times):
        pid = server.await_workers(2)[0]
        os.kill(pid, signal.SIGABRT)
        server.await_workers(2, without=[pid])


def break_and_kill(server):
    server.write("here.py", "import nowhere\n")
    os.kill(server.workers()[0], signal.SIGKILL)


def reload_with(server, code):
    server.write("here.py", code)
    server.send_signal(signal.SIGHUP)


@contextlib.contextmanager
def deadlines(server):
    with load_and_nothing(server):
        for _ in range(4):
            assert server.get("/stuck").status == 504
        yield


@contextlib.contextmanager
def load_and_nothing(server):
    with repeatedly(lambda: [server.get("/pid") for _ in range(30)], 0.1):
        yield


def eat(server):
    with server.connect() as connection:
        connection.send(request(target="/eat"))
        assert connection.closed()


def flood(server):
    for _ in range(400):
        server.get("/pid?" + "x" * 3000)


# What is broken: (options of the server, context that breaks it, alerts, in the sample)
FAULTS = {
    "nothing": ({"code": "from traffic_site import application\n"}, load_and_reloads, "", True),
    # Its master would start another one.
    "exporter": ({}, lambda s: stopped(s.pid, exporter_of(s)), "Down", True),
    "master": ({}, lambda s: stopped(s.pid), "MasterStuck", False),
    "all workers": ({"code": SITE, "config": {"workers": 1, "preload": False}},
                    lambda s: once(lambda: break_and_kill(s)),
                    "NoWorkers WorkersMissing", True),
    "one worker": ({"config": {"restart_pause": 30}},
                   lambda s: once(lambda: os.kill(s.workers()[0], signal.SIGABRT)),
                   "WorkersMissing", True),
    "crashes": ({"config": {"restart_pause": 0.05}},
                lambda s: once(lambda: crash(s, 4)), "WorkersCrash", True),
    "memory": ({"code": EATER, "around": little_memory},
               lambda s: once(lambda: eat(s)), "OutOfMemory", False),
    "deadlines": ({"config": {"workers": 3, "request_timeout": 0.3}}, deadlines,
                  "Deadlines", False),
    "saturation": ({"config": {"workers": 1}}, busy, "Saturated", False),
    "queue": ({"config": {"workers": 1, "backlog": 8}, "bind": "unix:{}/own.sock"},
              lambda s: busy(s, 6), "Queue", True),
    "errors": ({}, lambda s: repeatedly(lambda: s.get("/fail"), 0.1), "Errors", True),
    "broken code": ({"code": SITE}, lambda s: once(lambda: reload_with(s, "import nowhere\n")),
                    "ReloadFailed", True),
    "long import": ({"code": SITE}, lambda s: once(lambda: reload_with(s, GATE + SITE)),
                    "ReloadHangs", False),
    "log": ({"config": {"workers": 1, "access_log": "-"}, "around": unread_output},
            lambda s: once(lambda: flood(s)), "LogDropped", False),
}


def test_all_alerts_have_a_fault():
    rules = (paths.ROOT / "conf/prometheus/monodon.rules.yml").read_text(encoding="utf-8")
    wanted = {name for _, _, names, _ in FAULTS.values() for name in names.split()}
    assert wanted == set(re.findall(r"alert: Monodon(\w+)", rules))


def start(stack, options):
    options = dict(options)
    if around := options.pop("around", None):
        try:
            options |= stack.enter_context(around())
        except pytest.skip.Exception as why:
            print(why)
            return None, None
    bind = options.pop("bind", None)
    server, port = target(**options)
    if bind:
        where = bind.format(server.scratch)
        server.listeners.pop("http").close()
        server.bind, server.config["bind"] = where, where
        server.address = where.removeprefix("unix:")
    stack.enter_context(server)
    server.await_workers(server.config["workers"])
    server.wait(lambda: ready(server, port), "the exporter")
    return server, port


def ready(server, port):
    try:
        return Server.connect(server, ("127.0.0.1", port)).get("/-/ready").status == 200
    except OSError:
        return False


def test_each_alert_fires_when_its_fault_is_made_and_no_other():
    chosen = {name: row for name, row in FAULTS.items() if LONG or row[3]}
    with contextlib.ExitStack() as stack:
        servers = {name: start(stack, row[0]) for name, row in chosen.items()}
        servers = {name: both for name, both in servers.items() if both[0]}
        prometheus = stack.enter_context(Prometheus([port for _, port in servers.values()]))
        prometheus.wait(lambda: len(prometheus.query("up == 1")) == len(servers), "all")
        prometheus.wait(lambda: len(prometheus.query("count_over_time(up[10m]) > 10"))
                        == len(servers), "some seconds in which nothing is wrong")
        assert prometheus.firing(60) == {}
        faults = {name: stack.enter_context(contextlib.ExitStack()) for name in servers}
        for name, made in faults.items():
            made.enter_context(chosen[name][1](servers[name][0]))

        wanted = {port: {"Monodon" + alert for alert in chosen[name][2].split()}
                  for name, (_, port) in servers.items()}
        missing = {}

        def all_fired():
            fired = prometheus.firing(90)
            for name, (_, port) in servers.items():
                if wanted[port] and wanted[port] <= fired.get(port, set()):
                    faults[name].close()  # it is over, before it becomes another one
                missing[name] = wanted[port] - fired.get(port, set())
            return not any(missing.values())

        prometheus.wait(all_fired, missing, 60)
        fired = prometheus.firing(120)
        for name, (_, port) in servers.items():
            print(f"{name}: {sorted(fired.get(port, set()))}")
            assert fired.get(port, set()) == wanted[port], name
