# SPDX-License-Identifier: Apache-2.0
"""The portable .deb under the systemd of other releases: installed, asked, reloaded, upgraded,
restarted, all under load. Root; MONODON_PORTABLE_RELEASES says where."""

import os
import shutil
import subprocess

import pytest
import trees
from asking import get, requests
from booted import PACKAGES, PORT, SERVICE, disable, enable, write_version
from conftest import SOURCE, of_kind
from machine import Machine, wait_until
from packages import other_version

RELEASES = os.environ.get("MONODON_PORTABLE_RELEASES", "bookworm").split()

possible = subprocess.run([SOURCE / "tests/e2e/possible"], capture_output=True, text=True,
                          check=False)
pytestmark = pytest.mark.skipif(possible.returncode != 0, reason=possible.stdout.strip())


@pytest.fixture(scope="module", params=RELEASES)
def machine(request, tmp_path_factory):
    release = request.param
    root = trees.tree(release, PACKAGES)
    stage = tmp_path_factory.mktemp("stage")
    shutil.copy(of_kind(".deb", "amd64")[0], stage / "monodon.deb")
    booted = Machine(root, stage, f"monodon-portable-{release}-{os.getpid()}")
    booted.stage = stage
    try:
        booted.run("dpkg --install /stage/monodon.deb", timeout=120)
        yield booted
    finally:
        booted.stop()


@pytest.fixture
def site(machine):
    enable(machine, "/usr/bin/python3")
    yield machine
    disable(machine)


def test_an_interpreter_that_is_too_old_is_named_in_one_sentence(machine):
    version = machine.out("python3 -c 'import sys; print(sys.version_info >= (3, 11))'")
    if version == "True":
        pytest.skip("python3 is new enough here")
    write_version(machine, "1")
    asked = machine.run("cd /srv/whales && monodon check app:application", check=False)
    assert asked.returncode == 1
    assert "/usr/bin/python3 is CPython 3." in asked.stderr
    assert "CPython 3.11 or newer" in asked.stderr and "Traceback" not in asked.stderr
    served = machine.run("cd /srv/whales && monodon serve --bind 127.0.0.1:8099 "
                         "app:application", check=False)
    assert served.returncode == 1
    assert "/usr/bin/python3 is CPython 3." in served.stderr


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
