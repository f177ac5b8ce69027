# SPDX-License-Identifier: Apache-2.0
"""A container that runs, on the network of this machine: ports stand for addresses."""

import contextlib
import itertools
import json
import os
import re
import socket
import subprocess

from images import LIMITS, PODMAN, podman
from support.client import Connection
from support.until import until

NUMBERS = itertools.count()

# What clusters ask for, each stricter than the one before.
HARDENED = ["--read-only", "--user=123456:123456", "--cap-drop=ALL",
            "--security-opt=no-new-privileges", "--env=HOME="]
# Not even /tmp, /run and /var/tmp can be written.
BARE = [*HARDENED, "--read-only-tmpfs=false"]


def free_ports(count):
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.create_server(("127.0.0.1", 0)))
                  for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]


def get(address, target="/"):
    with Connection(address) as connection:
        return connection.get(target, host=address[0])


class Container:
    def __init__(self, image, *options, arguments=(), **settings):
        self.name = f"monodon-{os.getpid()}-{next(NUMBERS)}"
        ports = free_ports(2)
        self.address, self.metrics = (("127.0.0.1", port) for port in ports)
        settings = {"bind": f"127.0.0.1:{ports[0]}", "workers": 2,
                    "metrics_bind": f"127.0.0.1:{ports[1]}"} | settings
        environment = [word for key, value in settings.items() if value is not None
                       for word in ("--env", f"MONODON_{key.upper()}={value}")]
        self.command = ["run", "--detach", "--name", self.name, "--network=host", *LIMITS,
                        *environment, *options, image, *arguments]

    def __enter__(self):
        podman(*self.command)
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            print(*self.logs(), sep="\n")
        podman("rm", "--force", "--time=0", self.name)

    def state(self):
        return json.loads(podman("inspect", self.name))[0]["State"]

    def kill(self, signal):
        podman("kill", "--signal", signal, self.name)

    @property
    def pid(self):
        """Of process 1, as the machine sees it."""
        return self.state()["Pid"]

    def logs(self):
        """(stdout, stderr)"""
        done = subprocess.run([*PODMAN, "logs", self.name], capture_output=True, text=True,
                              check=True)
        return done.stdout, done.stderr

    def ready(self):
        try:
            return get(self.metrics, "/-/ready").status == 200
        except OSError:
            return False

    def await_ready(self):
        until(lambda: self.ready() or not self.state()["Running"], self.logs, 60)
        assert self.ready(), self.logs()
        return self

    def exec(self, *command):
        """(exit status, what it prints)"""
        done = subprocess.run([*PODMAN, "exec", self.name, *command], capture_output=True,
                              text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def await_end(self, timeout=40):
        """Its exit status."""
        until(lambda: not self.state()["Running"], "the container's end", timeout)
        return self.state()["ExitCode"]

    def metric(self, name):
        text = get(self.metrics, "/metrics").body.decode()
        return sum(float(n) for n in re.findall(rf"(?m)^{name}(?:\{{.*\}})? (\S+)$", text))
