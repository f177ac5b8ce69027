# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus with the rules of fleets looks at a site of three servers while a release
rolls out that is worse than the one before. MONODON_LONG=1 asks for it."""

import contextlib
import json
import os
import shutil

import pytest

from support import paths
from support.prometheus import Prometheus, free_port
from support.scrape import watched
from support.traffic import Traffic

pytestmark = pytest.mark.skipif(
    os.environ.get("MONODON_LONG") != "1" or not shutil.which("prometheus"),
    reason="MONODON_LONG is not 1, or Debian's prometheus is not installed")
# Every third request is answered with 500, which the load does not count as lost.
WORSE = """
from traffic_site import application as good
import itertools
count = itertools.count()
def application(environ, start_response):
    if next(count) % 3 == 0:
        start_response("500 Internal Server Error", [("Content-Length", "0")])
        return []
    return good(environ, start_response)
"""


def instance(release, code):
    port = free_port()
    server = watched("here:application", expect=["."],
                     environment={"MONODON_METRICS_BIND": f"127.0.0.1:{port}"},
                     config={"name": "shop", "metrics_labels": [f"release={release}"]})
    server.write("here.py", code)
    return server, port


def fleet_alerts(prometheus):
    return {(labels["alertname"], labels.get("release")) for labels, _ in
            prometheus.query('ALERTS{alertstate="firing", alertname=~"Monodon(Release|Site).*"}')}


def test_a_release_that_is_worse_is_told_while_it_rolls_out_and_afterwards():
    good = "from traffic_site import application\n"
    with contextlib.ExitStack() as stack:
        old = [instance("1", good), instance("1", good)]
        new = instance("2", WORSE)
        prometheus = stack.enter_context(Prometheus([port for _, port in [*old, new]],
                                                    rules=("monodon", "monodon-fleet")))
        for server, _ in old:
            stack.enter_context(server)
            stack.enter_context(Traffic(server.address, rate=40, slow=9))
        prometheus.wait(lambda: prometheus.query("monodon:release:responses:rate5m > 10"),
                        "rates of the old release")
        assert not fleet_alerts(prometheus)
        stack.enter_context(new[0])
        stack.enter_context(Traffic(new[0].address, rate=40, slow=9))
        prometheus.wait(lambda: ("MonodonReleaseWorse", "2") in fleet_alerts(prometheus),
                        "the alert")
        assert fleet_alerts(prometheus) == {("MonodonReleaseWorse", "2")}
        assert prometheus.number("monodon:site:instances") == 3
        assert_each_panel_shows_the_site(prometheus)


def assert_each_panel_shows_the_site(prometheus):
    board = json.loads((paths.ROOT / "conf/grafana/monodon-fleet.json").read_text("utf-8"))
    for panel in board["panels"]:
        for target in panel["targets"]:
            put = target["expr"].replace("$instance", ".*").replace("$site", "shop")
            put = put.replace("$__rate_interval", "10s").replace("[5m]", "[5s]")
            seen = {labels.get("site") for labels, _ in prometheus.query(put)}
            assert seen == {"shop"}, (panel["title"], put, seen)
