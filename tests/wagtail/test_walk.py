# SPDX-License-Identifier: Apache-2.0
"""An editor and a visitor of the Wagtail site, through nginx and Monodon."""

import signal

import pytest
import stack
from walk import STEPS, Walk


@pytest.fixture
def through_nginx(watch, directory):
    """through_nginx(server): a Walk over HTTPS."""
    processes = []

    def make(server):
        process, port, trusted = stack.nginx(watch, server.path("nginx"), directory / "site",
                                             server.address)
        processes.append(process)
        return Walk(stack.NAME, port, trusted)
    yield make
    for process in processes:
        process.stop()


@pytest.mark.parametrize("settings", [
    {"preload": True},
    {"preload": False},
    {"warm_up": f"https://{stack.NAME}/", "pre_fork": "aclarknet.mongodb:close_clients",
     "threads": 4, "health_check": f"https://{stack.NAME}/admin/login/"},
], ids=lambda settings: "-".join(settings))
def test_an_editor_walks_through_the_site_over_a_reload(serve, through_nginx, settings):
    with serve(**settings) as server:
        walk = through_nginx(server)
        done = []
        for step in walk.run():
            done.append(step)
            if step == "the_editor_writes_a_draft":
                before = server.await_workers(2)
                server.send_signal(signal.SIGHUP)
                server.await_workers(2, timeout=90, without=before)
        assert done == STEPS
        totals = [slot["totals"] for slot in server.status()["slots"]]
        requests = sum(total["requests"] for total in totals)
        # nginx's keepalive: a connection serves many requests.
        assert sum(total["accepted"] for total in totals) < requests / 2, totals
