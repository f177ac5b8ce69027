# SPDX-License-Identifier: Apache-2.0
"""The portable .deb under the systemd of each release: installed, asked, reloaded, upgraded,
restarted, all under load (conftest.py: `machine`)."""

import pytest
from asking import get, requests
from booted import PORT, SERVICE, disable, enable, write_version
from machine import wait_until
from packages import other_version


@pytest.fixture
def site(machine):
    enable(machine, machine.python)
    yield machine
    disable(machine)


def test_an_interpreter_that_is_not_fit_is_named_in_one_sentence(machine):
    """CPython 3.9 of Debian 11, PyPy of sid."""
    unfit = machine.out("command -v pypy3 || true")
    if machine.python != "/usr/bin/python3":
        unfit = "/usr/bin/python3"
    if not unfit:
        pytest.skip("all that are here are fit")
    write_version(machine, "1")
    what = "pypy, for Python 3." if "pypy" in unfit else "CPython 3.9."
    for command in ("check", "serve --bind 127.0.0.1:8099"):
        asked = machine.run(f"cd /srv/whales && monodon {command} --python {unfit} "
                            "app:application", check=False)
        assert asked.returncode == 1
        assert f"{unfit} is {what}" in asked.stderr, asked.stderr
        assert "CPython 3.11 or newer" in asked.stderr and "Traceback" not in asked.stderr


def test_nothing_is_lost_over_reload_refusal_upgrade_and_restart(site):
    pid = site.show(SERVICE, "MainPID")
    other = other_version(site.stage / "monodon.deb", "9.0", site.stage)
    with requests(site, PORT) as ledger:
        write_version(site, "2")
        site.run(f"systemctl reload {SERVICE}")
        write_version(site, "3", "import nowhere_to_be_found\n")
        assert site.run(f"systemctl reload {SERVICE}", check=False).returncode != 0
        assert get(site, port=PORT).startswith("Monodon monoceros 2 ")
        write_version(site, "4")
        for made in (other.name, "monodon.deb"):
            site.run(f"dpkg --install --force-downgrade /stage/{made}", timeout=120)
            assert site.show(SERVICE, "MainPID") == pid
            assert site.out(f"readlink /proc/{pid}/exe") == "/usr/bin/monodon"
        for _ in range(3):
            site.run(f"systemctl restart {SERVICE}")
    assert set(ledger["seen"]) == {"200"} and ledger["seen"]["200"] > 100, ledger
    assert get(site, port=PORT).startswith("Monodon monoceros 4 ")


def test_a_master_that_is_killed_costs_nothing_but_a_pause(site):
    pid = site.show(SERVICE, "MainPID")
    with requests(site, PORT) as ledger:
        site.run(f"kill -KILL {pid}")
        wait_until(lambda: site.show(SERVICE, "MainPID") not in ("0", pid), 30, "a new master")
        get(site, port=PORT)
    assert set(ledger["seen"]) == {"200"}, ledger


def test_removal_stops_the_site_and_purge_leaves_nothing(site):
    pid = site.show(SERVICE, "MainPID")
    site.run("dpkg --purge monodon", timeout=120)
    for gone in (f"/proc/{pid}", "/run/monodon/whales/http.sock", "/usr/bin/monodon",
                 "/usr/lib/monodon", "/etc/monodon"):
        assert site.run(f"test -e {gone}", check=False).returncode != 0, gone
    site.run("dpkg --install /stage/monodon.deb", timeout=120)
