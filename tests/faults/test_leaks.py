# SPDX-License-Identifier: Apache-2.0
"""Nothing is left behind by a thousand workers that came and went."""

import pytest
from support import proc
from support.server import Server


@pytest.mark.parametrize("app", ["native:hello", "probe:application"])
def test_a_thousand_replacements_leave_no_descriptor_and_no_process(app):
    with Server(app, config={"workers": 2, "max_requests": 2,
                             "log_level": "warning"}) as server:
        server.await_workers(2)
        # The first rounds let the master reach its usual size.
        connections = [server.connect() for _ in range(2)]

        def started():
            return sum(s["starts"] for s in server.control({"op": "status"})["slots"])

        def replace(times):
            end = started() + times
            while started() < end:
                for connection in connections * 10:
                    assert connection.get().status == 200

        replace(20)
        server.await_workers(2)
        before = server.descriptors_at_rest()
        replace(1000)
        server.await_workers(2)
        assert server.descriptors_at_rest() == before
        assert len(server.processes()) == 4
        assert not [p for p in proc.children(server.pid) if proc.state(p) == "Z"]
        for connection in connections:
            connection.close()
