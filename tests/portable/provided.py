# SPDX-License-Identifier: Apache-2.0
"""What the systems have that the one .rpm is for, written down, since none of their packages can
be had here. `source` is where the maker lists them: look there before a row is changed."""

import re
from dataclasses import dataclass

# What an rpm can unpack and understand, of its own "Provides" (rpm --showrc).
RPMLIB = {
    "CompressedFileNames": "3.0.4", "FileDigests": "4.6.0", "PayloadFilesHavePrefix": "4.0",
    "PayloadIsXz": "5.2", "RichDependencies": "4.12.0",
}
# With glibc on every one of them, in each of its versions.
GLIBC = {"libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2"}
LOADERS = {"ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
PROGRAMS = {"/bin/sh", "/bin/bash", "/usr/bin/sh", "/usr/bin/bash", "/usr/bin/env"}


@dataclass(frozen=True)
class System:
    name: str
    glibc: str
    rpm: str
    systemd: int
    pythons: tuple  # names of packages with a CPython of 3.11 or newer
    source: str


SYSTEMS = (
    System("Amazon Linux 2023", "2.34", "4.16", 252,
           ("python3.11", "python3.12", "python3.13", "python3.14"),
           "https://docs.aws.amazon.com/linux/al2023/ug/core-glibc.html, ug/python.html, "
           "release-notes/all-packages.html"),
    System("Red Hat Enterprise Linux 8", "2.28", "4.14", 239, ("python3.11", "python3.12"),
           "https://docs.redhat.com/en/documentation/red_hat_enterprise_linux/8/html/"
           "package_manifest"),
    System("Red Hat Enterprise Linux 9", "2.34", "4.16", 250, ("python3.11", "python3.12"),
           "https://docs.redhat.com/en/documentation/red_hat_enterprise_linux/9/html/"
           "package_manifest"),
    System("Fedora 41", "2.40", "4.20", 256, ("python3",),
           "https://packages.fedoraproject.org/pkgs/glibc/glibc, pkgs/rpm/rpm, "
           "pkgs/systemd/systemd, pkgs/python3.13/python3"),
    System("openSUSE Leap 15.6", "2.38", "4.14", 254, ("python311", "python312"),
           "https://download.opensuse.org/distribution/leap/15.6/repo/oss, "
           "of its packages glibc, rpm, systemd, python311, python312"),
)


def number(version):
    return tuple(map(int, version.split(".")))


def lacks(system, requirement):
    """Why the system cannot meet one line of `rpm -q --requires`; empty if it can."""
    name, _, wanted = requirement.partition(" ")
    if library := re.fullmatch(r"([a-z0-9.+-]+\.so\.\d+)\(([\w.]*)\)(?:\(64bit\))?", name):
        file, version = library.groups()
        if file not in GLIBC | LOADERS:
            return f"no {file}"
        if version and number(version.removeprefix("GLIBC_")) > number(system.glibc):
            return f"{file} of glibc {system.glibc} has no {version}"
        return ""
    if feature := re.fullmatch(r"rpmlib\((\w+)\)", name):
        return "" if feature[1] in RPMLIB else f"rpm {system.rpm} knows no {feature[1]}"
    if name.startswith("config(monodon)") or name in PROGRAMS:
        return ""
    if name == "systemd" and (not wanted or int(wanted.split()[-1]) <= system.systemd):
        return ""
    return f"nothing provides {requirement}"
