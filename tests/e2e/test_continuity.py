# SPDX-License-Identifier: Apache-2.0
"""Reload, restart, upgrade and death of the master under a real systemd and behind a real
nginx, with and without kept-alive upstream connections: nobody outside may notice. Side by
side the same clients ask a second site, to which nothing is done (support/audience.py).

MONODON_LONG=1 asks for 50 restarts, 20 upgrades, ... instead of a few.
"""

import json
import os
import re
import sys
import time
from pathlib import Path

import pytest
from conftest import SERVICE
from machine import wait_until

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from support.audience import OPTIONS, Audience  # noqa: E402
from support.traffic import Traffic  # noqa: E402

LONG = os.environ.get("MONODON_LONG") == "1"
CONTROL = "--control /run/aclarknet/control.sock"
# Ports of nginx and where they lead. It asks nothing twice: what its clients see is what
# the server did.
KEPT, FRESH, UNTOUCHED_KEPT, UNTOUCHED_FRESH = range(8081, 8085)
SITES = {KEPT: "/run/gunicorn/aclarknet.sock", UNTOUCHED_KEPT: "/run/untouched/http.sock"}
NGINX = "".join("""
upstream kept%(kept)d { server unix:%(socket)s fail_timeout=0; keepalive 16; }
upstream fresh%(fresh)d { server unix:%(socket)s fail_timeout=0; }
server { listen %(kept)d; keepalive_requests 1000000; proxy_next_upstream off;
    location / { proxy_pass http://kept%(kept)d; proxy_http_version 1.1;
                 proxy_set_header Connection ""; } }
server { listen %(fresh)d; keepalive_requests 1000000; proxy_next_upstream off;
    location / { proxy_pass http://fresh%(fresh)d; } }
""" % {"socket": where, "kept": port, "fresh": port + 1} for port, where in SITES.items())
WSGI = """
from demo.wsgi import application as demo
from traffic_site import application_of
traffic = application_of(%d)


def application(environ, start_response):
    answers = traffic if environ["PATH_INFO"] == "/traffic" else demo
    return answers(environ, start_response)
"""
UNTOUCHED = (
    "systemd-run --quiet --collect --unit=untouched --service-type=notify --uid=www-data "
    "-p RuntimeDirectory=untouched -E MONODON_METRICS_BIND=off "
    "-p WorkingDirectory=/srv/untouched /usr/bin/monodon serve --workers 3 "
    "--bind unix:/run/untouched/http.sock traffic_site:application")


def write(machine, path, text):
    machine.run(f"cat > {path} <<'END'\n{text}\nEND\n")


def write_version(machine, version, more=""):
    write(machine, "/srv/aclarknet/aclarknet/wsgi.py", WSGI % version + more)


@pytest.fixture
def busy(site):
    """The site with the application that the load clients ask, and the untouched one."""
    before = site.out("cat /srv/aclarknet/aclarknet/wsgi.py")
    site.run("mkdir -p /srv/untouched")
    write(site, "/run/traffic.py", (TESTS / "support/traffic.py").read_text())
    for home in ("/srv/aclarknet", "/srv/untouched"):
        write(site, f"{home}/traffic_site.py", (TESTS / "apps/traffic_site.py").read_text())
    write_version(site, 1)
    write(site, "/etc/nginx/sites-enabled/continuity", NGINX)
    site.run(f"systemctl reload nginx; {UNTOUCHED}")
    restart(site)
    yield site
    write(site, "/srv/aclarknet/aclarknet/wsgi.py", before)
    site.run("systemctl stop untouched; systemctl reset-failed untouched; "
             "rm /etc/nginx/sites-enabled/continuity; systemctl reload nginx", check=False)
    # systemd forgets it some time after it has ended; until then there is no other one.
    wait_until(lambda: site.show("untouched", "LoadState") != "loaded", 30, "room for the next")


def watched(machine):
    def clients(kept, fresh):
        command = machine.words('exec python3 /run/traffic.py "$0"')
        return {name: Traffic(["127.0.0.1", port], command=command, **OPTIONS)
                for name, port in (("kept", kept), ("fresh", fresh))}
    return Audience(clients(KEPT, FRESH), clients(UNTOUCHED_KEPT, UNTOUCHED_FRESH))


def main_pid(machine):
    return int(machine.show(SERVICE, "MainPID"))


def counted(machine):
    told = json.loads(machine.out(
        f"monodon status --json {CONTROL}"))
    return told["totals"]["requests"], told["starts"]


def restart(machine):
    # Not under test: systemd refuses the sixth start within ten seconds.
    machine.run(f"systemctl reset-failed {SERVICE}; systemctl restart {SERVICE}")


def seconds_of(action, *arguments):
    begin = time.monotonic()
    action(*arguments)
    return time.monotonic() - begin


def test_reloads_are_not_noticed_and_systemctl_tells_how_they_went(busy):
    pid = main_pid(busy)
    with watched(busy) as audience:
        for version in range(2, 22 if LONG else 5):
            write_version(busy, 1000, "import no_such_module\n")
            refused = busy.run(f"systemctl reload {SERVICE}", check=False)
            assert refused.returncode != 0
            said = busy.out(f"journalctl -u {SERVICE} -b --no-pager -n 40")
            assert "refused" in said and "no_such_module" in said, said
            write_version(busy, version)
            busy.run(f"systemctl reload {SERVICE}")
            audience.from_now(version)
    audience.judge()
    assert main_pid(busy) == pid


def test_restarts_are_not_noticed_and_counters_go_on(busy):
    seen, absent = (0, 0), []
    with watched(busy) as audience:
        for _ in range(50 if LONG else 5):
            absent.append(seconds_of(restart, busy))
            now = counted(busy)
            assert now[0] >= seen[0] and now[1] > seen[1], (seen, now)
            seen = now
            audience.from_now(1)
    audience.judge(absent=max(absent))


def test_a_killed_master_is_not_noticed(busy):
    """Its workers finish what they run and leave their connections to the next one's."""
    seen, absent = counted(busy), []

    def kill():
        pid = main_pid(busy)
        busy.run(f"systemctl reset-failed {SERVICE}; kill -KILL {pid}")
        wait_until(lambda: main_pid(busy) not in (0, pid), 90, "a new master")
        wait_until(lambda: busy.show(SERVICE, "ActiveState") == "active", 90, "start")

    with watched(busy) as audience:
        for _ in range(20 if LONG else 3):
            absent.append(seconds_of(kill))
            now = counted(busy)
            assert now[0] >= seen[0] and now[1] > seen[1], (seen, now)
            seen = now
            audience.from_now(1)
    audience.judge(absent=max(absent))


def test_upgrades_keep_the_process_and_are_not_noticed(busy):
    pid = main_pid(busy)
    with watched(busy) as audience:
        for number in range(20 if LONG else 3):
            # As a package does: another file under the same name.
            busy.run("cp -p /usr/bin/monodon /usr/bin/monodon.new && "
                     "mv /usr/bin/monodon.new /usr/bin/monodon")
            assert "has taken over" in busy.out(f"monodon upgrade {CONTROL}")
            # The line of the commit; the one before it says that they are watched.
            committed = re.compile(rf"generation {number + 2} has taken over$", re.M)
            wait_until(lambda: committed.search(busy.out(
                "cat /srv/aclarknet/logs/gunicorn-error.log")), 90, "the workers to follow")
    wait_until(lambda: busy.show(SERVICE, "ActiveState") == "active", 30, "the end of it")
    audience.judge()
    assert main_pid(busy) == pid
    assert busy.show(SERVICE, "ActiveState") == "active"
    assert busy.show(SERVICE, "NRestarts") == "0"


def test_a_program_that_cannot_start_leaves_the_running_one(busy):
    pid = main_pid(busy)
    with watched(busy) as audience:
        busy.run("mv /usr/bin/monodon /usr/bin/monodon.good && "
                 "install -m 755 /bin/false /usr/bin/monodon")
        refused = busy.run(f"monodon.good upgrade {CONTROL}", check=False)
        busy.run("mv /usr/bin/monodon.good /usr/bin/monodon")
        audience.from_now(1)
    assert refused.returncode == 1 and "cannot take over" in refused.stderr
    audience.judge()
    assert main_pid(busy) == pid
