# SPDX-License-Identifier: Apache-2.0
"""`monodon doctor` where the site is not one of the system's units: those of a user, a server
that no systemd runs, a socket alone."""

import json

import pytest
from checkup import examine
from machine import wait_until

HOME = "/srv/alice"
SITE = f"{HOME}/shop"
UNITS = f"{HOME}/.config/systemd/user"
APPLICATION = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""
SOCKET = "[Socket]\\nListenStream=%%t/shop.sock\\nSocketMode=0600\\n[Install]\\nWantedBy=sockets.target\\n"
SERVICE = (
    "[Unit]\\nRequires=shop.socket\\nAfter=shop.socket\\nStartLimitIntervalSec=0\\n"
    "[Service]\\nType=notify\\nExecReload=/usr/bin/monodon reload\\nKillMode=process\\n"
    "RuntimeDirectory=monodon-shop\\nOOMPolicy=continue\\nLimitNOFILE=4096\\nTimeoutStartSec=90\\n"
    f"ExecStart=/usr/bin/monodon serve -c {SITE}/monodon.yaml\\n")


def as_alice(machine, command, check=True):
    uid = machine.out("id -u alice")
    return machine.run(f"runuser -u alice -- env HOME={HOME} XDG_RUNTIME_DIR=/run/user/{uid} "
                       f"{command}", check=check)


@pytest.fixture(scope="module")
def alice(machine):
    """A user with a site of her own, in units of her own."""
    # What libpam-systemd, which is not in the tree, would set.
    machine.run("mkdir -p /etc/systemd/system/user@.service.d; "
                "printf '[Service]\\nEnvironment=XDG_RUNTIME_DIR=/run/user/%%i\\n' > "
                "/etc/systemd/system/user@.service.d/runtime.conf; systemctl daemon-reload")
    machine.run(
        f"useradd --create-home --home-dir {HOME} alice && mkdir -p {SITE} {UNITS} && "
        f"printf '%s' '{APPLICATION}' > {SITE}/shop.py && printf 'application: shop:application\\n"
        f"directory: {SITE}\\nworkers: 1\\nmetrics_bind: \"off\"\\n' > {SITE}/monodon.yaml && "
        f"printf '{SOCKET}' > {UNITS}/shop.socket && printf '{SERVICE}' > {UNITS}/shop.service && "
        f"chown -R alice: {HOME} && systemctl start user@$(id -u alice).service")
    wait_until(lambda: as_alice(machine, "systemctl --user is-system-running",
                                check=False).stdout.strip() in ("running", "degraded"), 30)
    as_alice(machine, "systemctl --user enable --now shop.socket")
    yield machine
    machine.run("systemctl stop user@$(id -u alice).service; userdel --remove alice; "
                "rm -r /etc/systemd/system/user@.service.d; systemctl daemon-reload")


def findings(machine, words):
    done = as_alice(machine, f"monodon doctor --json {words}", check=False)
    return {one["id"]: one for one in json.loads(done.stdout)["findings"]}


def test_a_unit_of_a_user_is_found_by_its_name_and_is_well(alice):
    assert findings(alice, "shop") == {}
    said = as_alice(alice, "monodon doctor", check=False).stdout
    assert "shop: nothing found" in said, said


def test_remedies_for_a_unit_of_a_user_are_commands_of_that_user(alice):
    as_alice(alice, f"sh -c 'echo import nowhere >> {SITE}/shop.py; systemctl --user restart "
                    "shop.service'", check=False)
    finding = findings(alice, "shop")["service-failed"]
    assert "No module named 'nowhere'" in finding["what"], finding
    assert "systemctl --user reset-failed shop.service shop.socket" in finding["remedy"]
    as_alice(alice, f"sed -i '/nowhere/d' {SITE}/shop.py")
    as_alice(alice, "systemctl --user reset-failed shop.service shop.socket")
    as_alice(alice, "systemctl --user start shop.service shop.socket")
    assert findings(alice, "shop") == {}


def test_a_socket_alone_is_looked_at_for_whoever_connects(alice):
    path = alice.out("echo /run/user/$(id -u alice)/shop.sock")
    told = examine(alice, f"--socket {path} --user www-data")
    stopped = next(one for one in told["findings"] if one["id"] == "nginx-cannot-connect")
    assert path.rpartition("/")[0] in stopped["what"] and "www-data may not enter" in stopped["what"]
    told = examine(alice, f"--socket {path} --user alice")
    assert "nginx-cannot-connect" not in {one["id"] for one in told["findings"]}
