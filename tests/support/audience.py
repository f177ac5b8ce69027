# SPDX-License-Identifier: Apache-2.0
"""Everybody who asks a server at once: clients on its socket and clients of a real nginx,
with and without kept upstream connections. And, side by side, the same on a server that
nobody touches: how slow that gets is the machine's doing, and the measure of the other.

    with watched(server) as audience:
        ...
        audience.from_now(2)
    audience.judge()
"""

import contextlib
import json
import sys

from .nginx import Nginx
from .server import Server
from .until import PATIENCE
from .traffic import Traffic

# Seconds that a request may take longer than the slowest one of the untouched server.
BOUND = 0.25 * PATIENCE
# `slow` is no error here: judge() looks at the slowest.
OPTIONS = {"slow": 60.0, "timeout": 60.0, "rate": 60}


class Audience:
    """`under_test` and `control`: {name: Traffic}."""

    def __init__(self, under_test, control, nginx=None):
        self.under_test, self.control, self.nginx = under_test, control, nginx
        self._open = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as opened:
            for traffic in [*self.control.values(), *self.under_test.values()]:
                opened.enter_context(traffic)
            self._open = opened.pop_all()
        return self

    def __exit__(self, *exception):
        return self._open.__exit__(*exception)

    def from_now(self, version):
        """Whoever asks from now on is answered by `version`, or by a later one."""
        for traffic in self.under_test.values():
            traffic.from_now(version)

    def reports(self):
        return {name: traffic.report for name, traffic in self.under_test.items()}

    def figures(self):
        """What to tell people of a run."""
        def of(several):
            reports = [traffic.report for traffic in several.values()]
            return {"requests": sum(r["requests"] for r in reports),
                    "connections": sum(r["connections"] for r in reports),
                    "errors": sum(sum(r["errors"].values()) for r in reports),
                    "slowest": max(r["slowest"] for r in reports)}
        return {"seconds": max(report["seconds"] for report in self.reports().values()),
                "under test": of(self.under_test), "control": of(self.control)}

    def judge(self, forgiven=None, absent=0.0):
        """Everything was answered, rightly, and as fast as on the untouched server.
        `forgiven(error)`: of an entry of a report's `lost`, whether it had to be.
        `absent`: for how long, in seconds, there was nobody who could answer."""
        figures = self.figures()
        print(json.dumps(figures | {"absent": absent}), file=sys.stderr)
        for name, report in self.reports().items():
            bad = [error for error in report["lost"] if not (forgiven and forgiven(error))]
            assert not bad, (name, bad[:20], report)
            answered, asked = sum(report["answers"].values()), report["requests"]
            unanswered = sum(not error["kind"].startswith("idle") for error in report["lost"])
            assert answered > 0 and answered + unanswered == asked, (name, report)
        for traffic in self.control.values():
            assert traffic.clean, traffic.report
        if self.nginx and not forgiven:
            assert not self.nginx.complained, self.nginx.complained
        most = figures["control"]["slowest"] + BOUND + absent
        assert figures["under test"]["slowest"] <= most, (figures, self.reports())


@contextlib.contextmanager
def watched(server, **options):
    with contextlib.ExitStack() as opened:
        nginx = []

        def clients(server):
            nginx.append(opened.enter_context(Nginx(server.path("nginx"), server.address)))
            places = {"socket": server.address, "nginx, kept": nginx[-1].kept,
                      "nginx, fresh": nginx[-1].fresh}
            return {name: Traffic(address, **OPTIONS | options)
                    for name, address in places.items()}
        control = clients(opened.enter_context(Server("traffic_site:application")))
        yield opened.enter_context(Audience(clients(server), control, nginx[-1]))
