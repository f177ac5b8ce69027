# SPDX-License-Identifier: Apache-2.0
"""What `make portable` has packed: MONODON_PORTABLE names its directory. Every package that
is there is looked at, and there has to be one of each kind. MONODON_PORTABLE_RELEASES are those
whose systemd it is booted under, as root."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]
sys.path.append(str(SOURCE / "tests/e2e"))  # trees and machines
RELEASES = os.environ.get("MONODON_PORTABLE_RELEASES",
                          "bullseye bookworm trixie forky sid").split()
PACKAGES = Path(os.environ.get("MONODON_PORTABLE", SOURCE / "build/portable/packages"))
FOUND = sorted(path for path in PACKAGES.glob("monodon*")
               if path.suffix in (".deb", ".rpm", ".whl"))


def of_kind(suffix, architecture=None):
    """The packages of a kind; it is an error that there is none."""
    found = [path for path in FOUND if path.suffix == suffix
             and (architecture is None or architecture in path.name)]
    assert found, f"no {suffix} in {PACKAGES}: make portable"
    return found


def said(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def unpack(package, to):
    to.mkdir(parents=True)
    if package.suffix == ".deb":
        said("dpkg-deb", "-x", package, to)
    elif package.suffix == ".rpm":
        said("sh", "-ec", 'rpm2cpio "$1" | (cd "$2" && cpio -idm --quiet)', "sh", package, to)
    else:
        with zipfile.ZipFile(package) as archive:
            archive.extractall(to)
    return to


@pytest.fixture(scope="session", params=FOUND or [None],
                ids=lambda path: path.name if path else "none")
def package(request):
    assert request.param, f"no package in {PACKAGES}: make portable"
    return request.param


@pytest.fixture(scope="session")
def files(package, tmp_path_factory):
    return unpack(package, tmp_path_factory.mktemp("package") / "root")


@pytest.fixture(scope="session", params=RELEASES)
def machine(request, tmp_path_factory):
    """A release that has booted, with the portable .deb."""
    import booted
    import trees
    from machine import Machine

    possible = subprocess.run([SOURCE / "tests/e2e/possible"], capture_output=True, text=True,
                              check=False)
    if possible.returncode != 0:
        pytest.skip(possible.stdout.strip())
    release = request.param
    stage = tmp_path_factory.mktemp("stage")
    stage.chmod(0o755)  # sites run an interpreter of it
    shutil.copy(of_kind(".deb", "amd64")[0], stage / "monodon.deb")
    booted.bring_python(release, stage)
    made = Machine(trees.tree(release, booted.packages(release)), stage,
                   f"monodon-portable-{release}-{os.getpid()}")
    made.stage, made.python = stage, booted.python_of(release)
    try:
        made.run("dpkg --install /stage/monodon.deb", timeout=120)
        yield made
    finally:
        made.stop()
