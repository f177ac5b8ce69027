# SPDX-License-Identifier: Apache-2.0
"""Root trees of Debian releases, and our program installed beside them.

MONODON_E2E names the directory that keeps both between runs (default: build/e2e). A
tree is never written to after it was made: machines run on an overlay over it.
"""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("MONODON_BUILD", SOURCE / "build")).resolve()
CACHE = Path(os.environ.get("MONODON_E2E", SOURCE / "build" / "e2e")).resolve()
PACKAGES = (
    "systemd,systemd-sysv,dbus,nginx-light,curl,procps,python3,python3-django,"
    # Django's admin, where Debian links it to; a recommendation only.
    "libjs-jquery"
)


def run(*command, **options):
    subprocess.run([str(word) for word in command], check=True, **options)


def tree(release):
    """The root tree of a release; made by mmdebstrap if it is not there (40 s)."""
    wanted = hashlib.sha256(PACKAGES.encode()).hexdigest()[:8]
    made = CACHE / f"{release}-{wanted}"
    if not made.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        # Under another name until it is whole: an interrupted run leaves no half tree.
        draft = CACHE / f"{release}.draft"
        shutil.rmtree(draft, ignore_errors=True)
        run("mmdebstrap", "--quiet", "--variant=apt", f"--include={PACKAGES}", release, draft)
        draft.rename(made)
    return made


def stage():
    """What `meson install` writes, plus units, nginx's file and the site."""
    staged = CACHE / "stage"
    shutil.rmtree(staged, ignore_errors=True)
    raw = CACHE / "install"
    shutil.rmtree(raw, ignore_errors=True)
    run("meson", "install", "-C", BUILD, "--quiet", "--no-rebuild", "--destdir", raw)
    # Wherever the build's prefix points to: the units say /usr/bin, and the program
    # finds its files from its own place.
    binary = next(raw.rglob("bin/monodon"))
    shutil.move(binary.parent.parent, staged / "usr")
    carry_libraries(staged)
    shutil.copytree(SOURCE / "conf/systemd", staged / "etc/systemd/system")
    sites = staged / "etc/nginx/sites-enabled"
    sites.mkdir(parents=True)
    # The name of the site that Debian's nginx comes with, which this one replaces.
    shutil.copy(SOURCE / "conf/nginx/aclarknet.conf", sites / "default")
    home = staged / "srv/aclarknet"
    # Without monodon.yaml, which `serve` would read: the command line is under test.
    skip = shutil.ignore_patterns("run", "__pycache__", "*.pyc", "monodon.yaml")
    shutil.copytree(SOURCE / "examples/site", home, ignore=skip)
    shutil.copytree(SOURCE / "tests/e2e/site", home, ignore=skip, dirs_exist_ok=True)
    (home / "logs").mkdir()
    return staged


def carry_libraries(staged):
    """The libraries of this machine that a minimal tree of another release has not, under
    that name or at all, go along. (A package is built in its release and needs none.)"""
    found = subprocess.run(
        ["ldd", staged / "usr/bin/monodon"], capture_output=True, text=True, check=True
    ).stdout
    libraries = staged / "usr/lib/monodon-e2e"
    libraries.mkdir(parents=True)
    for line in found.splitlines():
        if line.strip().startswith(("libfmt.", "libyaml-cpp.")):
            name, _, path = line.split()[:3]
            shutil.copy(path, libraries / name)
    configuration = staged / "etc/ld.so.conf.d/monodon-e2e.conf"
    configuration.parent.mkdir(parents=True)
    configuration.write_text("/usr/lib/monodon-e2e\n")
