# SPDX-License-Identifier: Apache-2.0
"""The packages as files: what is in them, that packing again gives the same bytes, and what
apt and dnf are told of them."""

import gzip
import hashlib
import json
import os
import subprocess

import pytest
from conftest import FOUND, PACKAGES, SOURCE, of_kind, said
from test_lint import missing

MACHINE = os.uname().machine
BUILT = PACKAGES.parent / MACHINE
# Libraries inside are what this package is for.
EXPLAINED = ["embedded-library"]


def test_deb_and_rpm_have_all_they_should():
    deb = said("dpkg-deb", "--contents", of_kind(".deb")[0])
    assert missing(line.split()[5] for line in deb.splitlines()) == []
    assert missing(said("rpm", "-qlp", of_kind(".rpm")[0]).splitlines()) == []


def test_lintian_finds_nothing_that_is_not_explained():
    done = subprocess.run(["lintian", "--allow-root", "--suppress-tags", ",".join(EXPLAINED),
                           of_kind(".deb", "amd64")[0]],
                          capture_output=True, text=True, check=False)
    findings = [line for line in done.stdout.splitlines() if line.startswith(("E:", "W:"))]
    assert done.returncode == 0 and findings == [], done.stdout + done.stderr


@pytest.mark.parametrize("command", [
    ["deb", BUILT, MACHINE],
    ["../rpm/build", None, BUILT, MACHINE],
    ["wheel", BUILT / "deb", BUILT / "licences", MACHINE],
], ids=["deb", "rpm", "wheel"])
def test_packed_again_it_is_the_same_bytes(command, tmp_path):
    program, *arguments = command
    arguments = [tmp_path if word is None else word for word in arguments]
    if tmp_path not in arguments:
        arguments.append(tmp_path)
    said(SOURCE / "packaging/portable" / program, *arguments)
    made = [path for path in tmp_path.iterdir() if path.name.startswith("monodon")]
    assert len(made) == 1
    # Without a list of all that differs in megabytes.
    same = made[0].read_bytes() == (PACKAGES / made[0].name).read_bytes()
    assert same


def test_the_portable_deb_gives_way_to_that_of_a_release_and_conflicts_with_none():
    deb = of_kind(".deb")[0]
    control = said("dpkg-deb", "-f", deb)
    assert "Conflicts" not in control and "Breaks" not in control
    version = said("dpkg-deb", "-f", deb, "Version").strip()
    for other in ("+deb12", "+deb13"):
        newer = version.replace("+any", other)
        said("dpkg", "--compare-versions", newer, "gt", version)


def test_apt_and_dnf_find_in_a_repository_what_was_put_there(tmp_path):
    said(SOURCE / "packaging/repository", PACKAGES, tmp_path / "repository")
    suite = tmp_path / "repository/apt/dists/any"
    deb = of_kind(".deb")[0]
    listed = gzip.decompress((suite / "main/binary-amd64/Packages.gz").read_bytes()).decode()
    assert f"SHA256: {hashlib.sha256(deb.read_bytes()).hexdigest()}\n" in listed
    # apt itself, with nothing of this machine.
    state = tmp_path / "apt"
    (state / "lists/partial").mkdir(parents=True)
    (state / "list").write_text(f"deb [trusted=yes] file:{tmp_path}/repository/apt any main\n")
    (state / "status").touch()
    (state / "conf").write_text(
        f'Dir::Etc::SourceList "{state}/list"; Dir::Etc::SourceParts "/dev/null";\n'
        f'Dir::State::Lists "{state}/lists"; Dir::State::status "{state}/status";\n'
        f'Dir::Cache "{state}"; APT::Sandbox::User ""; APT::Architecture "amd64";\n')
    environment = {**os.environ, "APT_CONFIG": str(state / "conf")}
    subprocess.run(["apt-get", "update", "-qq"], env=environment, check=True)
    policy = subprocess.run(["apt-cache", "policy", "monodon"], env=environment, check=True,
                            capture_output=True, text=True).stdout
    version = said("dpkg-deb", "-f", deb, "Version").strip()
    assert f"Candidate: {version}\n" in policy
    packages = gzip.decompress(
        (tmp_path / "repository/dnf/x86_64/repodata/primary.xml.gz").read_bytes()).decode()
    assert of_kind(".rpm", "x86_64")[0].name in packages


def test_the_bill_of_materials_names_every_library_and_every_package():
    bill = json.loads(said(SOURCE / "packaging/portable/sbom", PACKAGES))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    names = {component["name"] for component in bill["components"]}
    assert {"fmt", "yaml-cpp", "prometheus-cpp", "boost"} <= names
    assert {path.name for path in FOUND} <= names
    assert all(component.get("licenses") for component in bill["components"]
               if component["type"] == "library")
