# SPDX-License-Identifier: Apache-2.0
"""Root trees of Debian releases, and what is laid beside them for a test.

MONODON_E2E names the directory that keeps both between runs (default: build/e2e). A
tree is never written to after it was made: machines run on an overlay over it.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("MONODON_BUILD", SOURCE / "build")).resolve()
CACHE = Path(os.environ.get("MONODON_E2E", SOURCE / "build" / "e2e")).resolve()
RELEASES = os.environ.get("MONODON_E2E_RELEASES", "bookworm trixie").split()
# Each release may have a run of its own, at the same time.
STAGE = CACHE / f"stage-{'-'.join(RELEASES)}"
PACKAGES = [
    "systemd", "systemd-sysv", "dbus", "nginx-light", "curl", "procps", "python3",
    "python3-django",
    # Django's admin, where Debian links it to; a recommendation only.
    "libjs-jquery",
    # What sites use, to be tried under the restrictions of the units.
    "python3-pil", "python3-psycopg", "python3-psycopg2", "python3-numpy",
    "logrotate", "rpm",
    # What deploy.sh needs: a site of its own, its virtual environment, nginx's file.
    "passwd", "python3-venv", "openssl", "diffutils",
]


def run(*command, **options):
    subprocess.run([str(word) for word in command], check=True, **options)


@contextlib.contextmanager
def alone(name):
    """One run at a time makes what all of them keep in the cache."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def tree(release, packages):
    """The root tree of a release; made by mmdebstrap if it is not there (a minute)."""
    wanted = ",".join(sorted(packages))
    made = CACHE / f"{release}-{hashlib.sha256(wanted.encode()).hexdigest()[:8]}"
    if not made.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        # Under another name until it is whole: an interrupted run leaves no half tree.
        draft = CACHE / f"{release}.draft"
        shutil.rmtree(draft, ignore_errors=True)
        # A mirror may be as it was on some day: what its lists say of their age is no news.
        run("mmdebstrap", "--quiet", "--variant=apt", f"--include={wanted}",
            '--aptopt=Acquire::Check-Valid-Until "false"', release, draft)
        draft.rename(made)
    return made


def stage():
    """A directory that machines see as /stage: below root/ the units, nginx's file and
    the site."""
    shutil.rmtree(STAGE, ignore_errors=True)
    root = STAGE / "root"
    shutil.copytree(SOURCE / "tests/e2e/units", root / "etc/systemd/system",
                    ignore=shutil.ignore_patterns("nginx.conf"))
    sites = root / "etc/nginx/sites-enabled"
    sites.mkdir(parents=True)
    # The name of the site that Debian's nginx comes with, which this one replaces.
    shutil.copy(SOURCE / "tests/e2e/units/nginx.conf", sites / "default")
    home = root / "srv/aclarknet"
    # Without monodon.yaml, which `serve` would read: the command line is under test.
    skip = shutil.ignore_patterns("run", "__pycache__", "*.pyc", "monodon.yaml")
    shutil.copytree(SOURCE / "examples/site", home, ignore=skip)
    shutil.copytree(SOURCE / "tests/e2e/site", home, ignore=skip, dirs_exist_ok=True)
    (home / "logs").mkdir()
    return STAGE


def carry_libraries(root):
    """The libraries of this machine that a minimal tree of another release has not, under
    that name or at all, go along with a program that was compiled here."""
    libraries = root / "usr/lib/monodon-e2e"
    libraries.mkdir(parents=True)
    programs = [p for folder in ("cli", "worker/native", "metrics")
                for p in (BUILD / folder).glob("monodon*") if p.is_file()]
    found = subprocess.run(["ldd", *programs], capture_output=True, text=True,
                           check=True).stdout
    for line in found.splitlines():
        if line.strip().startswith(("libfmt.", "libyaml-cpp.", "libprometheus-cpp")):
            name, _, path = line.split()[:3]
            shutil.copy(path, libraries / name)
    configuration = root / "etc/ld.so.conf.d/monodon-e2e.conf"
    configuration.parent.mkdir(parents=True)
    configuration.write_text("/usr/lib/monodon-e2e\n")
