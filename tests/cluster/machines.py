# SPDX-License-Identifier: Apache-2.0
"""Some servers of one site, each as on a machine of its own: ports instead of machines."""

import contextlib
import re
import socket

from support.client import Connection
from support.server import Server

CODE = """
from traffic_site import application_of
application = application_of({version})
{more}
"""


def free_ports(count):
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.create_server(("127.0.0.1", 0)))
                  for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]


class Machine:
    """A server, and where its balancer finds it."""

    def __init__(self, name, **config):
        self.name, self.version = name, 1
        self.port, self.metrics_port, self.agent_port = free_ports(3)
        self.server = Server(
            "site_code:application", bind=[f"127.0.0.1:{self.port}"], expect=["."],
            config={"stop_delay": "5s", "forwarded_allow_ips": ["127.0.0.1"],
                    "agent_bind": f"127.0.0.1:{self.agent_port}", "keepalive": "75s",
                    "metrics_hosts": ["site.example"]} | config,
            environment={"MONODON_METRICS_BIND": f"127.0.0.1:{self.metrics_port}"})
        self.write(1)

    def write(self, version, more=""):
        self.server.write("site_code.py", CODE.format(version=version, more=more))

    def requests(self):
        """How many it was asked, as its exporter says."""
        with Connection(("127.0.0.1", self.metrics_port)) as exporter:
            text = exporter.get("/metrics", host="site.example").body.decode()
        return sum(float(n) for n in re.findall(r"(?m)^monodon_requests_total\{.*\} (\S+)$", text))


@contextlib.contextmanager
def machines(count, **config):
    with contextlib.ExitStack() as opened:
        made = [Machine(f"machine{i}", **config) for i in range(count)]
        for machine in made:
            opened.enter_context(machine.server)
            machine.server.await_workers(config.get("workers", 2))
        yield made
