# SPDX-License-Identifier: Apache-2.0
"""What balancers are told: saturation, HAProxy's agent-check, and the time in which a
server that was told to stop goes on accepting."""

import signal
import socket

import pytest
from support.client import request
from support.scrape import ask, await_exporter, metrics, watched
from support.versions import reload, site, write


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def agent(port):
    """What HAProxy would be told now."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        return client.makefile().read()


def with_agent(**options):
    port = free_port()
    config = {"agent_bind": f"127.0.0.1:{port}"} | options.pop("config", {})
    return port, watched(config=config, **options)


def await_agent(server, port, line):
    def there():
        try:
            return agent(port) == line
        except ConnectionRefusedError:
            return False
    server.wait(there, f"the agent to say {line!r}", 20)


def test_a_server_told_to_stop_accepts_for_stop_delay_and_says_not_ready():
    port, server = with_agent(config={"stop_delay": "30s"})
    with server:
        await_exporter(server)
        workers = server.await_workers(2)
        await_agent(server, port, "ready up 100%\n")
        server.send_signal(signal.SIGTERM)
        server.await_log("stopping in 30 s")
        answer = ask(server, "/-/ready")
        assert (answer.status, answer.body) == (503, b"the server is stopping\n")
        assert agent(port) == "drain #the server stops\n"
        assert server.control({"op": "status"})["stopping"]
        assert "the server stops" in server.control({"op": "reload"})["error"]
        assert all(server.get().status == 200 for _ in range(20))
        assert server.serving() == workers
        server.send_signal(signal.SIGTERM)  # the operator does not want to wait
        assert server.await_exit() == 0


def test_stop_delay_ends_by_itself_and_holds_for_no_quick_stop():
    with watched(config={"stop_delay": "500ms"}) as server:
        server.await_workers(2)
        server.send_signal(signal.SIGTERM)
        assert server.get().status == 200
        assert server.await_exit() == 0
    with watched(config={"stop_delay": "1h"}) as server:
        server.await_workers(2)
        server.send_signal(signal.SIGINT)
        assert server.await_exit() == 0


@pytest.mark.parametrize("ready", [True, False])
def test_a_saturated_server_is_told_and_is_ready_unless_told_otherwise(ready):
    port, server = with_agent(config={"workers": 2, "threads": 1,
                                      "ready_when_saturated": ready})
    with server, server.connect() as one, server.connect() as two:
        await_exporter(server)
        for connection, name in (one, "one"), (two, "two"):
            connection.send(request(target=f"/gate?id={name}"))
        held = [server.gates.arrived("gate"), server.gates.arrived("gate")]
        server.wait(lambda: metrics(server)["saturation_ratio"] == 1, "saturation")
        answer = ask(server, "/-/ready")
        assert answer.status == (200 if ready else 503)
        assert b"saturated" in answer.body
        assert agent(port) == "ready up 10%\n"
        for gate in held:
            gate.release("x")
        assert one.response().status == two.response().status == 200
        server.wait(lambda: metrics(server)["saturation_ratio"] < 1, "room again")
        assert ask(server, "/-/ready").status == 200


@pytest.mark.parametrize("drain, line", [(False, "ready up 100% #the last reload was refused\n"),
                                         (True, "drain #the last reload was refused\n")])
def test_the_agent_tells_of_a_refused_reload_and_drains_only_when_asked(drain, line):
    port = free_port()
    with site(expect=["."], config={"agent_bind": f"127.0.0.1:{port}",
                                    "agent_drain_refused": drain},
              environment={"MONODON_METRICS_BIND": f"127.0.0.1:{free_port()}"}) as server:
        await_agent(server, port, "ready up 100%\n")
        write(server, 2, "import no_such_module")
        assert reload(server)[0] != 0
        await_agent(server, port, line)
        write(server, 3)
        assert reload(server)[0] == 0
        await_agent(server, port, "ready up 100%\n")
