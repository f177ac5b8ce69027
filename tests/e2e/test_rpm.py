# SPDX-License-Identifier: Apache-2.0
"""The RPM package, with Debian's rpm in a Debian tree: files, scriptlets, upgrade, removal.
That what it needs is there is the tree's affair (--nodeps)."""

import subprocess

import pytest
import whales
from asking import get, requests
from packages import host_release, rpm_package
from trees import SOURCE
from whales import PATH, PORT, SERVICE, SOCKET


@pytest.fixture(scope="module")
def rpms(staged):
    stage = staged / "rpm"
    return rpm_package(stage), rpm_package(stage, "9.0")


@pytest.fixture(scope="module")
def rpm_machine(machine, rpms):
    if machine.release != host_release():
        pytest.skip("an .rpm is built for the release of this machine")
    machine.run("dpkg --purge monodon; rm -rf /var/lib/monodon")
    yield machine
    machine.run("rpm -e monodon; rm -rf /var/lib/monodon", check=False)
    machine.run("dpkg --install --force-depends /stage/monodon.deb")


def test_rpmlint_finds_nothing_that_is_not_explained(rpms):
    done = subprocess.run(["rpmlint", "-c", SOURCE / "packaging/rpm/rpmlint.toml", rpms[0]],
                          capture_output=True, text=True, check=False)
    findings = [line for line in done.stdout.splitlines()
                if ": E: " in line or ": W: " in line]
    assert findings == [], done.stdout


def test_an_rpm_is_installed_upgraded_under_load_and_removed(rpm_machine, rpms):
    machine = rpm_machine
    files = {name: f"/stage/rpm/{path.name}" for name, path in zip(("old", "new"), rpms)}
    machine.run(f"rpm -i --nodeps {files['old']}", timeout=120)
    listed = machine.out("rpm -ql monodon").splitlines()
    for path in ("/usr/bin/monodon", "/usr/lib/monodon/_monodon.abi3.so",
                 "/usr/lib/monodon/services", "/usr/lib/sysusers.d/monodon.conf",
                 "/etc/monodon/example.yaml", "/etc/logrotate.d/monodon"):
        assert path in listed
    assert machine.out("rpm -qc monodon").split() == [
        "/etc/logrotate.d/monodon", "/etc/monodon/example.yaml"]
    assert machine.out("id -u monodon").isdigit()

    whales.prepare(machine)
    machine.run(f"systemctl enable --now {SOCKET}")
    assert "Narwhal" in get(machine, port=PORT)
    machine.run("echo '# mine' >> /etc/monodon/example.yaml")
    with requests(machine, PORT) as ledger:
        machine.run(f"rpm -U --nodeps {files['new']}", timeout=120)
        assert machine.out("rpm -q --qf '%{version}' monodon") == "9.0"
        machine.run(f"rpm -U --nodeps --oldpackage {files['old']}", timeout=120)
    assert set(ledger["seen"]) == {"200"}, ledger
    pid = machine.show(SERVICE, "MainPID")
    assert machine.out(f"readlink /proc/{pid}/exe") == "/usr/bin/monodon"
    assert "# mine" in machine.out("cat /etc/monodon/example.yaml")

    machine.run("rpm -e monodon", timeout=120)
    assert machine.show(SOCKET, "ActiveState") == "inactive"
    for gone in (f"/proc/{pid}", PATH, "/usr/bin/monodon", "/usr/lib/monodon"):
        assert machine.run(f"test -e {gone}", check=False).returncode != 0, gone
    assert "# mine" in machine.out("cat /etc/monodon/example.yaml.rpmsave")
    whales.clear(machine)
