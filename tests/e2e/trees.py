# SPDX-License-Identifier: Apache-2.0
"""Root trees of Debian releases, and our program installed beside them.

MONODON_E2E names the directory that keeps both between runs (default: build/e2e). A
tree is never written to after it was made: machines run on an overlay over it.
"""

import os
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("MONODON_E2E", SOURCE / "build" / "e2e")).resolve()
PACKAGES = (
    "systemd,systemd-sysv,dbus,nginx-light,curl,procps,python3,python3-django"
)


def run(*command, **options):
    subprocess.run([str(word) for word in command], check=True, **options)


def tree(release):
    """The root tree of a release; made by mmdebstrap if it is not there (40 s)."""
    made = CACHE / release
    if not made.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        # Under another name until it is whole: an interrupted run leaves no half tree.
        draft = CACHE / f"{release}.draft"
        shutil.rmtree(draft, ignore_errors=True)
        run("mmdebstrap", "--quiet", "--variant=apt", f"--include={PACKAGES}", release, draft)
        draft.rename(made)
    return made


def stage():
    """What `meson install` writes, plus units, nginx's file and the site.

    Nothing of fmt and yaml-cpp is left to the dynamic linker: their sonames differ from
    release to release, and one build is to run in all. (A package is built in its own.)
    """
    build = CACHE / "build"
    if not (build / "build.ninja").exists():
        run("meson", "setup", "--prefix=/usr", "-Dtests=false", "-Dprefer_static=true",
            "-Dcpp_args=-DFMT_HEADER_ONLY", build, SOURCE)
    run("ninja", "-C", build, "--quiet")
    staged = CACHE / "stage"
    shutil.rmtree(staged, ignore_errors=True)
    run("meson", "install", "-C", build, "--quiet", "--no-rebuild", "--destdir", staged)
    units = staged / "etc/systemd/system"
    shutil.copytree(SOURCE / "conf/systemd", units)
    sites = staged / "etc/nginx/sites-enabled"
    sites.mkdir(parents=True)
    # The name of the site that Debian's nginx comes with, which this one replaces.
    shutil.copy(SOURCE / "conf/nginx/aclarknet.conf", sites / "default")
    home = staged / "srv/aclarknet"
    skip = shutil.ignore_patterns("run", "__pycache__", "*.pyc")
    shutil.copytree(SOURCE / "examples/site", home, ignore=skip)
    shutil.copytree(SOURCE / "tests/e2e/site", home, ignore=skip, dirs_exist_ok=True)
    (home / "logs").mkdir()
    return staged
