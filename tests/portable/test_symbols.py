# SPDX-License-Identifier: Apache-2.0
"""What the packed programs need of the machine: every library and every version of a symbol,
as the linker wrote them down."""

import re

import pytest
from conftest import FOUND, said

# Of RHEL 8; and what is always there, with the C library.
NEWEST_GLIBC = (2, 28)
LIBRARIES = {"libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1",
             "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
PROGRAMS = {"monodon", "monodon-exporter", "monodon-native", "_monodon.abi3.so"}
MACHINES = {"x86_64": "Advanced Micro Devices X86-64", "amd64": "Advanced Micro Devices X86-64",
            "aarch64": "AArch64", "arm64": "AArch64"}


def elf_files(root):
    found = [path for path in sorted(root.rglob("*"))
             if path.is_file() and not path.is_symlink()
             and path.open("rb").read(4) == b"\x7fELF"]
    # Nothing found would be nothing wrong.
    assert {path.name for path in found} == PROGRAMS
    return found


def needed(elf):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", said("readelf", "--dynamic", "--wide", elf))


def versions(elf):
    """Of libraries that it needs: {"GLIBC_2.17", ...}."""
    table = said("readelf", "--version-info", "--wide", elf)
    wanted = table.partition("Version needs section")[2]
    return set(re.findall(r"Name: (\S+)", wanted))


def test_there_is_a_package_of_each_kind_for_this_machine():
    kinds = {path.suffix for path in FOUND if re.search("x86_64|amd64", path.name)}
    assert kinds == {".deb", ".rpm", ".whl"}


def test_nothing_is_needed_but_the_c_library(files):
    for elf in elf_files(files):
        libraries = needed(elf)
        assert "libc.so.6" in libraries, elf
        assert set(libraries) <= LIBRARIES, elf


def test_no_symbol_is_newer_than_glibc_2_28(files):
    for elf in elf_files(files):
        found = versions(elf)
        assert "GLIBC_2.2.5" in found or "GLIBC_2.17" in found, elf
        for version in found:
            number = re.fullmatch(r"GLIBC_([0-9.]+)", version)
            assert number, f"{elf.name} needs {version}"
            assert tuple(map(int, number[1].split("."))) <= NEWEST_GLIBC, f"{elf.name}: {version}"


def test_the_programs_are_for_the_machine_that_the_package_names(package, files):
    expected = next(said for name, said in MACHINES.items() if name in package.name)
    for elf in elf_files(files):
        header = said("readelf", "--file-header", elf)
        assert re.search(r"Machine: +(.*)", header)[1] == expected


def test_no_program_looks_for_libraries_elsewhere_or_has_a_stack_to_run_on(files):
    for elf in elf_files(files):
        assert not re.search(r"RPATH|RUNPATH", said("readelf", "--dynamic", elf))
        stack = re.search(r"GNU_STACK(?: +0x\w+)+ +(\S+)", said("readelf", "--segments",
                                                               "--wide", elf))
        assert stack and "E" not in stack[1]
        assert "BIND_NOW" in said("readelf", "--dynamic", elf)


@pytest.mark.parametrize("name", ["fmt", "yaml-cpp", "prometheus-cpp", "nlohmann_json", "CLI11",
                                  "boost", "libc++"])
def test_the_licence_of_each_library_that_is_inside_comes_along(files, name):
    assert [path for path in files.rglob(name) if path.is_file() and path.stat().st_size > 400]
