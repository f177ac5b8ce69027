# SPDX-License-Identifier: Apache-2.0
"""The packages as files: what checkers say of them, what is in them, and that two builds
are the same."""

import subprocess

import pytest
from packages import build, compiles, host_release, only, package, rpm_package
from trees import RELEASES, SOURCE

pytestmark = pytest.mark.skipif(host_release() not in RELEASES, reason="of this release")

CONTENTS = {
    "usr/bin/monodon", "usr/lib/monodon/_monodon.abi3.so", "usr/lib/monodon/monodon-native",
    "usr/lib/monodon/monodon-exporter", "usr/lib/monodon/services",
    "etc/monodon/example.yaml", "etc/logrotate.d/monodon", "usr/lib/sysusers.d/monodon.conf",
    *(f"/{unit}" for unit in ("monodon@.service", "monodon@.socket",
                              "monodon-metrics@.socket", "monodon-control@.socket")),
    "usr/share/bash-completion/completions/monodon", "/_monodon", "/monodon.fish",
    *(f"usr/share/man/man{page[-1]}/{page}"
      for page in ("monodon.8", "monodon.yaml.5", "monodon-metrics.7")),
    *(f"usr/share/doc/monodon/{name}" for name in (
        "README.md", "CHANGELOG.md", "SECURITY.md",
        *(page.name for page in (SOURCE / "docs").glob("*.md")), "examples/monodon.rules.yml",
        "examples/monodon.json", "examples/prometheus.yml",
        *(f"examples/aclarknet/{file}" for file in (
            "aclarknet.service", "aclarknet.socket", "aclarknet.yaml", "deploy.sh",
            "nginx-aclarknet.conf", "README.md")))),
}


def said(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          check=False)


def missing(names):
    plain = {name.removesuffix(".gz").removeprefix(".") for name in names}
    return sorted(wanted for wanted in CONTENTS
                  if not any(name.endswith(wanted) for name in plain))


def test_lintian_finds_nothing_that_is_not_explained():
    done = said("lintian", "--allow-root", package(host_release()))
    findings = [line for line in done.stdout.splitlines() if line.startswith(("E:", "W:"))]
    assert done.returncode == 0 and findings == [], done.stdout + done.stderr


def test_mandoc_finds_nothing_in_the_manual_pages():
    pages = sorted((SOURCE / "docs/man").iterdir())
    assert len(pages) == 3
    done = said("mandoc", "-Tlint", *pages)
    # Which other manuals are there is the machine's affair.
    findings = [line for line in done.stdout.splitlines()
                if "referenced manual not found" not in line and "mandoc.db" not in line]
    assert findings == []


def test_the_packages_have_all_they_should(tmp_path):
    deb = said("dpkg-deb", "--contents", package(host_release())).stdout
    assert missing(line.split()[5] for line in deb.splitlines()) == []
    rpm = said("rpm", "-qlp", rpm_package(tmp_path)).stdout
    assert missing(rpm.splitlines()) == []


@pytest.mark.skipif(compiles(host_release()), reason="would compile everything twice")
def test_two_builds_of_a_package_are_the_same_bytes(tmp_path):
    build(host_release(), tmp_path)
    made = only(tmp_path.glob("monodon_*.deb"))
    assert made.read_bytes() == package(host_release()).read_bytes()
    rpms = [rpm_package(tmp_path / name).read_bytes() for name in ("one", "two")]
    assert rpms[0] == rpms[1]
