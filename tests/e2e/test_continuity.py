# SPDX-License-Identifier: Apache-2.0
"""Restart, upgrade and death of the master under a real systemd and behind a real nginx,
with and without kept-alive upstream connections: nobody outside may notice.

MONODON_LONG=1 asks for 50 restarts and 20 upgrades instead of a few.
"""

import contextlib
import json
import os
from pathlib import Path

import pytest
from conftest import SERVICE
from machine import wait_until

LONG = os.environ.get("MONODON_LONG") == "1"
TESTS = Path(__file__).resolve().parents[1]
SOCKET_PATH = "/run/gunicorn/aclarknet.sock"
KEPT, FRESH = 8082, 8081  # ports of nginx: upstream keepalive on, off
NGINX = """
upstream fresh { server unix:%(socket)s fail_timeout=0; }
upstream kept { server unix:%(socket)s fail_timeout=0; keepalive 16; }
server { listen %(fresh)d; location / { proxy_pass http://fresh; } }
server { listen %(kept)d; location / {
    proxy_pass http://kept; proxy_http_version 1.1; proxy_set_header Connection ""; } }
""" % {"socket": SOCKET_PATH, "fresh": FRESH, "kept": KEPT}
WSGI = """
from demo.wsgi import application as demo
from traffic_site import application as traffic


def application(environ, start_response):
    answers = traffic if environ["PATH_INFO"] == "/traffic" else demo
    return answers(environ, start_response)
"""


def write(machine, path, text):
    machine.run(f"cat > {path} <<'END'\n{text}\nEND\n")


@pytest.fixture
def busy(site):
    """The site with the application that the load client asks."""
    before = site.out("cat /srv/aclarknet/aclarknet/wsgi.py")
    write(site, "/run/traffic.py", (TESTS / "support/traffic.py").read_text())
    write(site, "/srv/aclarknet/traffic_site.py", (TESTS / "apps/traffic_site.py").read_text())
    write(site, "/srv/aclarknet/aclarknet/wsgi.py", WSGI)
    write(site, "/etc/nginx/sites-enabled/continuity", NGINX)
    site.run("systemctl reload nginx")
    yield site
    write(site, "/srv/aclarknet/aclarknet/wsgi.py", before)
    site.run("rm /etc/nginx/sites-enabled/continuity; systemctl reload nginx")


@contextlib.contextmanager
def traffic(machine, ports=(KEPT, FRESH)):
    """Yields the reports, which are complete after the block. An answer that had to wait
    for a new process may take as long as its start."""
    reports, clients = [], []
    try:
        for port in ports:
            options = {"address": ["127.0.0.1", port], "rate": 100, "slow": 60,
                       "timeout": 90, "may_close": True}
            clients.append(machine.start(
                f"exec python3 /run/traffic.py '{json.dumps(options)}'"))
        for client in clients:
            assert client.stdout.readline() == "begun\n"
        yield reports
    finally:
        for client in clients:
            reports.append(json.loads(client.communicate(timeout=120)[0]))


def check(reports):
    for report in reports:
        assert not report["errors"], report
        assert report["requests"] == sum(report["answers"].values())
        print(report)


def main_pid(machine):
    return int(machine.show(SERVICE, "MainPID"))


def counted(machine):
    told = json.loads(machine.out(
        "monodon status --json --control /run/aclarknet/control.sock"))
    return told["totals"]["requests"], told["starts"]


def restart(machine):
    # Not under test: systemd refuses the sixth start within ten seconds.
    machine.run(f"systemctl reset-failed {SERVICE}; systemctl restart {SERVICE}")


def test_restarts_are_not_noticed_and_counters_go_on(busy):
    restart(busy)
    seen = (0, 0)
    with traffic(busy) as reports:
        for _ in range(50 if LONG else 5):
            restart(busy)
            now = counted(busy)
            assert now[0] >= seen[0] and now[1] > seen[1], (seen, now)
            seen = now
    check(reports)


def test_a_killed_master_is_not_noticed(busy):
    restart(busy)
    seen = counted(busy)
    with traffic(busy) as reports:
        for _ in range(20 if LONG else 3):
            pid = main_pid(busy)
            busy.run(f"systemctl reset-failed {SERVICE}; kill -KILL {pid}")
            wait_until(lambda: main_pid(busy) not in (0, pid), 90, "a new master")
            wait_until(lambda: busy.show(SERVICE, "ActiveState") == "active", 90,
                       "start")
            now = counted(busy)
            assert now[0] >= seen[0] and now[1] > seen[1], (seen, now)
            seen = now
    check(reports)


def test_upgrades_keep_the_process_and_are_not_noticed(busy):
    restart(busy)
    pid = main_pid(busy)
    with traffic(busy) as reports:
        for number in range(20 if LONG else 3):
            # As a package does: another file under the same name.
            busy.run("cp -p /usr/bin/monodon /usr/bin/monodon.new && "
                     "mv /usr/bin/monodon.new /usr/bin/monodon")
            said = busy.out("monodon upgrade --control /run/aclarknet/control.sock")
            assert "has taken over" in said
            wait_until(lambda: f"all workers are of generation {number + 2}" in busy.out(
                "cat /srv/aclarknet/logs/gunicorn-error.log"), 90, "the workers to follow")
    check(reports)
    assert main_pid(busy) == pid
    assert busy.show(SERVICE, "ActiveState") == "active"
    assert busy.show(SERVICE, "NRestarts") == "0"


def test_a_program_that_cannot_start_leaves_the_running_one(busy):
    restart(busy)
    pid = main_pid(busy)
    with traffic(busy, [KEPT]) as reports:
        busy.run("mv /usr/bin/monodon /usr/bin/monodon.good && "
                 "install -m 755 /bin/false /usr/bin/monodon")
        refused = busy.run(
            "monodon.good upgrade --control /run/aclarknet/control.sock", check=False)
        busy.run("mv /usr/bin/monodon.good /usr/bin/monodon")
    assert refused.returncode == 1 and "cannot take over" in refused.stderr
    check(reports)
    assert main_pid(busy) == pid
