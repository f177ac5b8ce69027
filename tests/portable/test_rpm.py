# SPDX-License-Identifier: Apache-2.0
"""The one .rpm against what each system with rpm provides (provided.py), with rpm's own
database and solver; what is in it, and what rpmlint says."""

import os
import re
import subprocess

import pytest
from conftest import SOURCE, of_kind, said
from provided import RPMLIB, SYSTEMS, lacks

FILES = {
    "/usr/bin/monodon", "/usr/lib/monodon/_monodon.abi3.so", "/usr/lib/monodon/services",
    "/usr/lib/systemd/system/monodon@.service", "/usr/lib/systemd/system/monodon@.socket",
    "/usr/lib/sysusers.d/monodon.conf", "/etc/monodon/example.yaml",
    "/usr/share/bash-completion/completions/monodon",
    "/usr/share/zsh/site-functions/_monodon",
    "/usr/share/fish/vendor_completions.d/monodon.fish",
    "/usr/share/doc/monodon/install.md",
}
# Of a package that stands for a system: what ours requires and the system has.
STAND_IN = """
Name: stand-in
Version: 1
Release: 1
Summary: What a system provides
License: Apache-2.0
BuildArch: noarch
{provides}
%description
What a system provides.
%files
"""


def stand_in(rpm, directory):
    """An .rpm that provides what this one requires, but for what rpm itself and it do."""
    provided = [line for line in said("rpm", "-qp", "--requires", rpm).splitlines()
                if not line.startswith(("rpmlib(", "config("))]
    spec = directory / "stand-in.spec"
    spec.write_text(STAND_IN.format(
        provides="\n".join(f"Provides: {line}" for line in sorted(set(provided)))))
    said("rpmbuild", "-bb", "--define", f"_topdir {directory}", spec)
    return next(directory.glob("RPMS/noarch/*.rpm"))


@pytest.fixture(scope="module")
def rpm():
    return of_kind(".rpm", os.uname().machine)[0]


@pytest.fixture(scope="module")
def requirements(rpm):
    found = said("rpm", "-qp", "--requires", rpm).splitlines()
    assert any(line.startswith("libc.so.6(GLIBC_2.") for line in found), found
    return sorted(set(found))


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)
def test_each_system_has_all_that_the_package_requires(requirements, system):
    assert [why for line in requirements if (why := lacks(system, line))] == []


def test_what_no_system_has_would_be_found():
    oldest = min(SYSTEMS, key=lambda system: system.glibc)
    for line in ("libfmt.so.9()(64bit)", "libc.so.6(GLIBC_2.36)(64bit)", "python3 >= 3.11",
                 "libstdc++.so.6(GLIBCXX_3.4.29)(64bit)", "rpmlib(Nonsense) <= 1-1"):
        assert lacks(oldest, line), line


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)
def test_an_interpreter_of_each_system_is_recommended(rpm, system):
    recommended = said("rpm", "-qp", "--recommends", rpm)
    assert "nginx" in recommended.split()
    assert all(re.search(rf"[( ]{re.escape(python)}[ )]", recommended)
               for python in system.pythons), recommended


def test_rpms_own_solver_installs_it_where_that_is_provided(rpm, tmp_path):
    database = ["--root", tmp_path / "root", "--dbpath", "/rpm", "--ignorearch"]
    (tmp_path / "root").mkdir()
    alone = subprocess.run(["rpm", *database, "-i", "--test", rpm], capture_output=True,
                           text=True, check=False)
    assert alone.returncode != 0 and "libc.so.6" in alone.stderr, alone.stderr
    said("rpm", *database, "-i", stand_in(rpm, tmp_path))
    said("rpm", *database, "-i", "--test", rpm)


def test_its_files_are_where_those_systems_look(rpm):
    assert FILES - set(said("rpm", "-qlp", rpm).splitlines()) == set()
    strays = [path for path in said("rpm", "-qlp", rpm).splitlines()
              if path.startswith(("/lib/", "/usr/lib/debug", "/usr/lib/.build-id"))]
    assert strays == []


def test_its_sockets_are_of_nginx_whose_user_it_makes(files, package):
    if package.suffix != ".rpm":
        pytest.skip("of the .rpm")
    unit = (files / "usr/lib/systemd/system/monodon@.socket").read_text()
    assert "SocketUser=nginx\nSocketGroup=nginx\n" in unit
    users = (files / "usr/lib/sysusers.d/monodon.conf").read_text()
    assert re.search(r"(?m)^u monodon - ", users) and re.search(r"(?m)^u nginx - ", users)


def test_rpmlint_finds_nothing_that_is_not_explained(rpm):
    done = subprocess.run(["rpmlint", "-c", SOURCE / "packaging/rpm/rpmlint.toml", rpm],
                          capture_output=True, text=True, check=False)
    findings = [line for line in done.stdout.splitlines() if re.search(": [EW]: ", line)]
    assert findings == [], done.stdout


def test_every_rpm_of_those_systems_can_unpack_it(rpm):
    features = re.findall(r"rpmlib\((\w+)\)", said("rpm", "-qp", "--requires", rpm))
    assert features and set(features) <= set(RPMLIB)
