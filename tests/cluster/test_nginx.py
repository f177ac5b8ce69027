# SPDX-License-Identifier: Apache-2.0
"""nginx with the example of conf/examples/nginx-cluster in front of three servers: what it
does without health checks, and what it cannot do."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest
from machines import free_ports, machines
from support import paths
from support.server import scratch_directory
from support.traffic import Traffic
from support.until import until

EXAMPLE = pathlib.Path(paths.ROOT) / "conf/examples/nginx-cluster/nginx.conf"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin")
pytestmark = pytest.mark.skipif(not NGINX, reason="needs nginx")
AROUND = """
daemon off;
{user}
worker_processes 1;
pid nginx.pid;
error_log error.log warn;
events {{ worker_connections 1000; }}
http {{
    access_log off;
    client_body_temp_path bodies; proxy_temp_path answers; fastcgi_temp_path unused;
    uwsgi_temp_path unused; scgi_temp_path unused;
{example}
}}
"""


@contextlib.contextmanager
def nginx_of(servers):
    directory = scratch_directory()
    port, = free_ports(1)
    text, count = re.subn(r"(?m)^    server 10\.0\.0\.\d:8000 ",
                          lambda _, left=list(servers): f"    server 127.0.0.1:{left.pop().port} ",
                          EXAMPLE.read_text(encoding="utf-8"))
    assert count == 3, "the example has three servers"
    text = text.replace("listen 80;", f"listen 127.0.0.1:{port};")
    user = "user root;" if os.geteuid() == 0 else ""
    pathlib.Path(directory, "nginx.conf").write_text(
        AROUND.format(user=user, example=text), encoding="utf-8")
    process = subprocess.Popen([NGINX, "-p", directory, "-c", "nginx.conf", "-e", "error.log"])
    try:
        until(lambda: os.path.exists(directory + "/nginx.pid"), "nginx to start", 20)
        yield port
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(30)
        shutil.rmtree(directory)


def traffic(port):
    return Traffic(["127.0.0.1", port], kept=6, fresh=4, rate=120, may_close=True, slow=8.0)


def test_a_machine_that_stops_loses_nothing_but_is_asked_until_it_refuses():
    with machines(3, stop_delay="1s") as servers, nginx_of(servers) as port, \
            traffic(port) as load:
        servers[0].server.send_signal(signal.SIGTERM)
        assert servers[0].server.await_exit(30) == 0
    assert load.clean, load.report


def test_reloads_one_after_the_other_lose_nothing():
    with machines(3) as servers, nginx_of(servers) as port, traffic(port) as load:
        for machine in servers:
            machine.write(2)
            done = subprocess.run(
                [str(paths.MONODON), "reload", "--control", machine.server.path("control.sock")],
                capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr
        load.from_now(2)
    assert load.clean, load.report


def test_a_machine_that_is_killed_loses_what_it_was_running_and_nothing_else():
    with machines(3) as servers, nginx_of(servers) as port, traffic(port) as load:
        victim = servers[0].server
        for pid in victim.processes():
            os.kill(pid, signal.SIGKILL)
        victim.status_code = -9
        before = servers[1].requests()
        until(lambda: servers[1].requests() > before + 100, "more traffic", 20)
    lost = load.report["errors"]
    assert set(lost) <= {"status 502", "eof"} and sum(lost.values()) <= 10, load.report
