# SPDX-License-Identifier: Apache-2.0
"""The portable .rpm under systemd, with rpm's own database: in a Debian tree, since no tree of
a system with rpm can be had here, that a package of its own tells what those systems provide,
and whose nginx runs as theirs does. Root."""

import os
import shutil
import subprocess

import pytest
import trees
from asking import get, requests
from booted import PACKAGES, PORT, SERVICE, SOCKET, disable, enable, write_version
from conftest import SOURCE, of_kind
from machine import Machine
from packages import host_release
from test_rpm import stand_in

possible = subprocess.run([SOURCE / "tests/e2e/possible"], capture_output=True, text=True,
                          check=False)
pytestmark = pytest.mark.skipif(possible.returncode != 0, reason=possible.stdout.strip())
NEWER = "9.0"


def newer(directory):
    """The same files under another version."""
    built = SOURCE / "build/portable" / os.uname().machine
    subprocess.run([SOURCE / "packaging/rpm/build", directory, built, os.uname().machine],
                   env={**os.environ, "MONODON_VERSION": NEWER}, capture_output=True, check=True)
    return next(directory.glob(f"monodon-{NEWER}-*.rpm"))


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    stage = tmp_path_factory.mktemp("stage")
    rpm = of_kind(".rpm", os.uname().machine)[0]
    shutil.copy(rpm, stage / "old.rpm")
    shutil.copy(newer(tmp_path_factory.mktemp("newer")), stage / "new.rpm")
    shutil.copy(stand_in(rpm, tmp_path_factory.mktemp("stand-in")), stage / "stand-in.rpm")
    root = trees.tree(host_release(), PACKAGES)
    booted = Machine(root, stage, f"monodon-portable-rpm-{os.getpid()}")
    try:
        booted.run("rpm -i /stage/stand-in.rpm")
        yield booted
    finally:
        booted.stop()


def test_the_rpm_is_installed_upgraded_under_load_and_removed(machine):
    machine.run("rpm -i /stage/old.rpm", timeout=120)
    assert machine.out("id -un monodon nginx").split() == ["monodon", "nginx"]
    machine.run("sed -i 's/^user .*/user nginx;/' /etc/nginx/nginx.conf; "
                "systemctl restart nginx")
    enable(machine, "/usr/bin/python3")
    assert machine.out("stat -c %U:%G:%a /run/monodon/whales/http.sock") == "nginx:nginx:660"
    pid = machine.show(SERVICE, "MainPID")
    machine.run("echo '# mine' >> /etc/monodon/example.yaml")
    with requests(machine, PORT) as ledger:
        machine.run("rpm -U /stage/new.rpm", timeout=120)
        assert machine.out("rpm -q --qf '%{version}' monodon") == NEWER
        write_version(machine, "2")
        machine.run(f"systemctl reload {SERVICE}")
        machine.run("rpm -U --oldpackage /stage/old.rpm", timeout=120)
        machine.run(f"systemctl restart {SERVICE}")
    assert set(ledger["seen"]) == {"200"} and ledger["seen"]["200"] > 50, ledger
    assert get(machine, port=PORT).startswith("Monodon monoceros 2 ")
    assert machine.out("rpm -V monodon || true").split() == [
        "S.5....T.", "c", "/etc/monodon/example.yaml"]

    pid = machine.show(SERVICE, "MainPID")
    machine.run("rpm -e monodon", timeout=120)
    assert machine.show(SOCKET, "ActiveState") == "inactive"
    for gone in (f"/proc/{pid}", "/run/monodon/whales/http.sock", "/usr/bin/monodon",
                 "/usr/lib/monodon"):
        assert machine.run(f"test -e {gone}", check=False).returncode != 0, gone
    assert "# mine" in machine.out("cat /etc/monodon/example.yaml.rpmsave")
    disable(machine)
